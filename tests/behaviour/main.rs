//! What a user stands in front of: HTTP in, HTTP out, over real sockets.
//!
//! The cases in `cases/` know no framework. Each runs on every adapter: [`harness::Adapter`] is
//! what an adapter brings, and `on_every_adapter!` makes the tests. What belongs to one framework
//! alone is in modules of its own: `tower_…` and `actix_…`.

mod actix_errors;
mod actix_parts;
mod actix_routing;
mod actix_server;
mod actix_shared;
mod actix_stack;
mod actix_unread;
mod actix_unwaited;
mod bodies;
mod broken_answers;
mod cases;
mod client;
mod extractor;
mod fixtures;
mod harness;
mod http2;
mod kit;
mod logs;
mod on_actix;
mod on_axum;
mod panics;
mod stores;
mod tower_inner;
mod tower_server;
mod tower_stack;
