//! The sending side of the examples: a small HTTP client and the five providers' deliveries.
//!
//! What there is to learn about receiving webhooks is in the folders beside this one.

mod client;
mod sender;

pub use client::{Answer, Client};
pub use sender::{Sender, Signed};
