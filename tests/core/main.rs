//! The core, through its public API.
