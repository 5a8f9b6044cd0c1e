//! The core, through its public API.

mod allocations;
mod catalogue;
mod declared_length;
mod defaults;
mod differential;
mod handshakes;
mod invariants;
mod key_material;
mod keys;
mod lists;
mod logs;
mod memory_store;
mod methods;
mod one_reading;
mod properties;
mod providers;
mod receiver;
#[path = "../reference/mod.rs"]
mod reference;
mod schemes;
mod sdk_vectors;
mod secrets;
mod strictness;
mod support;
mod vectors;
