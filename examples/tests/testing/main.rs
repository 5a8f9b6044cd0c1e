//! The tests on the page "Testing your webhook handler", as a user has them.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

mod on_actix;
mod on_axum;
mod page;
