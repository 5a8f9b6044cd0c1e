//! The core, through its public API.

mod allocations;
mod bodies;
mod catalogue;
mod declared_length;
mod defaults;
mod diagnosis;
mod differential;
mod errors;
mod handshakes;
mod invariants;
mod key_material;
mod keys;
mod lists;
mod logs;
mod measured;
mod memory_store;
mod methods;
mod one_reading;
mod properties;
mod providers;
mod reasons;
mod receiver;
#[path = "../reference/mod.rs"]
mod reference;
mod replaced;
mod resolved;
mod schemes;
mod sdk_vectors;
mod secrets;
mod sending;
mod strictness;
mod support;
mod traced;
mod vectors;
mod verify;
