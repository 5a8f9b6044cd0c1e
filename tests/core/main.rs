//! The core, through its public API.

mod support;
mod vectors;
