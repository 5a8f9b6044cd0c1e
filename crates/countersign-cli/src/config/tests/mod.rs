//! What a file says, and what is said of a file that is wrong.

mod catalogue;
mod mistakes;
mod paths;
mod reference;
