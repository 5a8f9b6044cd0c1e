//! As much of Vault as the example needs.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, State as Held};
use axum::http::{HeaderMap, StatusCode};
use axum::{Json, Router, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const TOKEN: &str = "hvs.example";

pub(crate) struct Stored {
    pub(crate) current: &'static str,
    pub(crate) previous: &'static str,
}

pub(crate) const ACME: Stored = Stored { current: "acme's second", previous: "acme's first" };
pub(crate) const GLOBEX: Stored = Stored { current: "globex's second", previous: "globex's first" };

/// How it is.
#[derive(Clone, Copy)]
pub(crate) enum State {
    Up,
    /// After a restart, until somebody unseals it.
    Sealed,
    /// It takes requests and never answers.
    Silent,
    /// The engine is at another path.
    WrongMount,
}

pub(crate) struct FakeVault {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeVault {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let state = Arc::new(Mutex::new(State::Up));
        let app = Router::new()
            .route("/v1/secret/data/webhooks/{tenant}", get(read))
            .with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { address, state })
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

async fn read(
    Held(state): Held<Arc<Mutex<State>>>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let errors = |status, errors: &[&str]| (status, Json(json!({"errors": errors})));
    let state = *state.lock().unwrap_or_else(PoisonError::into_inner);
    match state {
        State::Up => {}
        State::Sealed => return errors(StatusCode::SERVICE_UNAVAILABLE, &["Vault is sealed"]),
        State::Silent => pending().await,
        State::WrongMount => return errors(StatusCode::NOT_FOUND, &["no handler for route"]),
    }
    if headers.get("X-Vault-Token").is_none_or(|token| token != TOKEN) {
        return errors(StatusCode::FORBIDDEN, &["permission denied"]);
    }
    let Stored { current, previous } = match &*tenant {
        "acme" => ACME,
        "globex" => GLOBEX,
        _ => return errors(StatusCode::NOT_FOUND, &[]),
    };
    let metadata = json!({"version": 2, "destroyed": false});
    let data = json!({"data": {"current": current, "previous": previous}, "metadata": metadata});
    (StatusCode::OK, Json(json!({"request_id": "1", "data": data})))
}
