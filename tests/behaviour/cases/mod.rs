//! The promises, case by case.

mod answers;
mod cheap;
mod distinct;
mod framing;
mod fresh;
mod genuine;
mod hang_up;
mod limits;
mod never_swallowed;
mod once;
mod own_answers;
mod silent;
mod tasks;
