//! The provider's side: its keys, and the address where it publishes them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::get};
use countersign::Secret;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A private key, and what is published of it.
pub(crate) struct Key {
    pub(crate) private: Secret,
    public: Value,
}

impl Key {
    /// A key for an example. A real one is random.
    pub(crate) fn new(id: &str, byte: u8) -> Result<Self, crate::Failure> {
        let x = match byte {
            1 => "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
            _ => "gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q",
        };
        let private = Secret::new(format!("{byte:02x}").repeat(32))?;
        let public = json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": id, "x": x});
        Ok(Self { private, public })
    }
}

struct Page {
    keys: Mutex<Option<Vec<Value>>>,
    fetched: AtomicUsize,
}

pub(crate) struct Published {
    address: SocketAddr,
    page: Arc<Page>,
}

impl Published {
    pub(crate) async fn start() -> std::io::Result<Self> {
        let page = Arc::new(Page { keys: Mutex::default(), fetched: AtomicUsize::new(0) });
        let app = Router::new().route("/keys", get(read)).with_state(Arc::clone(&page));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(axum::serve(listener, app).into_future());
        Ok(Self { address, page })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    pub(crate) fn set(&self, keys: &[&Key]) {
        let keys = keys.iter().map(|key| key.public.clone()).collect();
        *self.page.keys.lock().unwrap_or_else(PoisonError::into_inner) = Some(keys);
    }

    pub(crate) fn take_down(&self) {
        *self.page.keys.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn fetched(&self) -> usize {
        self.page.fetched.load(Ordering::Relaxed)
    }
}

async fn read(State(page): State<Arc<Page>>) -> Result<Json<Value>, StatusCode> {
    page.fetched.fetch_add(1, Ordering::Relaxed);
    let keys = page.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
    keys.map(|keys| Json(json!({"keys": keys}))).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}
