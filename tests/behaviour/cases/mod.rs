//! The promises, case by case.

mod answers;
mod cheap;
mod distinct;
mod draining;
mod framing;
mod fresh;
mod genuine;
mod handshakes;
mod hang_up;
mod limits;
mod measured;
mod methods;
mod never_lost;
mod once;
mod own_answers;
mod silent;
mod taken;
mod tasks;
