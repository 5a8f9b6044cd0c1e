//! The sending side of the examples: a small HTTP client and the five providers' deliveries.
//!
//! What there is to learn about receiving webhooks is in the folders beside this one.

mod client;
mod exchange;
#[cfg(doctest)]
mod pages;
mod sender;

pub use client::{Answer, Client};
pub use exchange::Exchange;
pub use sender::{Sender, Signed};
