//! What stands between a client and its servers: an address that moves, a path that goes dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub(crate) struct Proxy {
    address: Arc<str>,
    backend: Arc<AtomicU16>,
    /// Connections before this one are dead: nothing comes through, and nobody hangs up.
    alive_from: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: format!("redis://{}/", listener.local_addr().unwrap()).into(),
            backend: Arc::new(port.into()),
            alive_from: Arc::default(),
            connections: Arc::default(),
        };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = accepting.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(accepting.clone().carry(client, number));
            }
        });
        proxy
    }

    pub(crate) fn url(&self) -> &str {
        &self.address
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// New connections go there.
    pub(crate) fn move_to(&self, port: u16) {
        self.backend.store(port, Ordering::SeqCst);
    }

    /// Connections made so far go silent.
    pub(crate) fn go_dead(&self) {
        self.alive_from.store(self.connections(), Ordering::SeqCst);
    }

    async fn carry(self, mut client: TcpStream, number: u64) {
        let backend = self.backend.load(Ordering::SeqCst);
        let mut server = TcpStream::connect(("127.0.0.1", backend)).await.unwrap();
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        loop {
            let carried = tokio::select! {
                read = client.read(&mut up) => (read, true),
                read = server.read(&mut down) => (read, false),
            };
            let (Ok(length @ 1..), upward) = carried else { return };
            while number < self.alive_from.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let written = if upward {
                server.write_all(&up[..length]).await
            } else {
                client.write_all(&down[..length]).await
            };
            if written.is_err() {
                return;
            }
        }
    }
}
