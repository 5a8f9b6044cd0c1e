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
mod key_fetches;
mod key_sets;
mod limits;
mod measured;
mod methods;
mod never_lost;
mod once;
mod own_answers;
mod parked;
mod rotation;
mod silent;
mod taken;
mod tasks;
mod tenants;
