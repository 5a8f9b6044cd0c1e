//! The metrics of a listener, at an address of their own or nowhere.

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::server;
use crate::metrics::{self, Registry};

/// Where metrics are fetched, before that is served.
pub(crate) struct Exposed(Option<(TcpListener, SocketAddr, Registry)>);

/// Serves them until it is dropped.
pub(crate) struct Serving(Option<JoinHandle<()>>);

impl Exposed {
    /// Takes the address, if there is one. An error is a sentence.
    pub(crate) async fn bind(addr: Option<&str>) -> Result<Self, String> {
        let Some(addr) = addr else { return Ok(Self(None)) };
        let (listener, addr) =
            server::bind(addr).await.map_err(|error| format!("metrics: {error}"))?;
        Ok(Self(Some((listener, addr, Registry::new()))))
    }

    pub(crate) fn addr(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|(_, addr, _)| *addr)
    }

    pub(crate) fn registry(&self) -> Option<Registry> {
        self.0.as_ref().map(|(.., registry)| registry.clone())
    }

    pub(crate) fn serve(self) -> Serving {
        let serve = |(listener, _, registry)| tokio::spawn(metrics::serve(listener, registry));
        Serving(self.0.map(serve))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(serving) = &self.0 {
            serving.abort();
        }
    }
}
