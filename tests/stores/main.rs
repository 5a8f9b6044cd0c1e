//! The stores, on real servers and real files.

mod acceptance;
mod redis;
mod sql;
