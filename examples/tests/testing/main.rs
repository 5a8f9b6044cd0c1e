//! The tests on the page "Testing your webhook handler", as a user has them.

mod copied;
mod on_actix;
mod on_axum;
mod page;
