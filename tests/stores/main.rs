//! The stores, on real servers and real files.

mod acceptance;
#[path = "../ports.rs"]
mod ports;
mod redis;
mod sql;
