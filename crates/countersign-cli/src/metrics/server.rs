//! Where Prometheus fetches them.

use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use super::{Registry, text};
use crate::serve::{self, Limits};

/// Few fetch, and what they send is short. A fetch takes nothing of what deliveries may take.
const LIMITS: Limits = Limits { connections: 16, head: Duration::from_secs(5) };

/// Serves `GET /metrics` until it is dropped.
pub(crate) async fn serve(listener: TcpListener, registry: Registry) {
    let answer = move || {
        let registry = registry.clone();
        async move { ([(CONTENT_TYPE, text::CONTENT_TYPE)], registry.text()) }
    };
    let router = Router::new().route("/metrics", get(answer));
    serve::serve(listener, router, LIMITS, std::future::pending()).await;
}
