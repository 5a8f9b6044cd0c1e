//! What stands between a client and PostgreSQL, and knows where messages begin and end: it holds them
//! back, sends them twice, and hangs up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of a message from the client.
#[derive(Clone)]
pub(crate) enum Fate {
    /// It waits until the sender says `true`, and with it all that comes after it on its connection.
    Held(watch::Receiver<bool>),
    /// It arrives late.
    Late(Duration),
    /// It arrives, and so late once more, on a connection of its own.
    Twice(Duration),
    /// It arrives, and both sides' connections break before its answer is passed on.
    Unanswered,
    /// Both sides' connections break before it arrives.
    Broken,
}

/// Decides on a message by its kind and text; nothing lets it pass.
type Decide = dyn Fn(u8, &str) -> Option<Fate> + Send + Sync;

#[derive(Clone)]
pub(crate) struct Proxy {
    port: u16,
    server: Arc<str>,
    decide: Arc<Decide>,
}

impl Proxy {
    /// A proxy to where these options lead.
    pub(crate) async fn to(
        options: &PgConnectOptions,
        decide: impl Fn(u8, &str) -> Option<Fate> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = format!("{}:{}", options.get_host(), options.get_port()).into();
        let proxy = Self { port, server, decide: Arc::new(decide) };
        let accepting = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().carry(client));
            }
        });
        proxy
    }

    /// The same options, through the proxy.
    pub(crate) fn through(&self, options: PgConnectOptions) -> PgConnectOptions {
        // The proxy reads the messages. TLS comes into this build with a feature of another member.
        options.host("127.0.0.1").port(self.port).ssl_mode(PgSslMode::Disable)
    }

    async fn carry(self, client: TcpStream) {
        let (mut from_client, mut to_client) = client.into_split();
        let Ok(server) = TcpStream::connect(&*self.server).await else { return };
        let (mut from_server, mut to_server) = server.into_split();
        let unanswered = Arc::new(AtomicBool::new(false));
        let unheard = Arc::clone(&unanswered);
        let mut down = tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                // The answer has come: what was asked for has been done.
                if unheard.load(Ordering::SeqCst)
                    || to_client.write_all(&buffer[..length]).await.is_err()
                {
                    return;
                }
            }
        });
        tokio::select! {
            _ = self.carry_up(&mut from_client, &mut to_server, &unanswered) => {}
            _ = &mut down => {}
        }
        down.abort();
    }

    async fn carry_up(
        &self,
        client: &mut (impl AsyncRead + Unpin),
        server: &mut OwnedWriteHalf,
        unanswered: &AtomicBool,
    ) -> std::io::Result<()> {
        let start = read_start(client).await?;
        server.write_all(&start).await?;
        loop {
            let message = read_message(client).await?;
            match (self.decide)(message[0], &String::from_utf8_lossy(&message)) {
                None => {}
                Some(Fate::Held(mut held)) => drop(held.wait_for(|passes| *passes).await),
                Some(Fate::Late(time)) => tokio::time::sleep(time).await,
                Some(Fate::Twice(time)) => {
                    let again = repeat(self.server.clone(), start.clone(), message.clone(), time);
                    tokio::spawn(again);
                }
                Some(Fate::Unanswered) => {
                    unanswered.store(true, Ordering::SeqCst);
                    server.write_all(&message).await?;
                    return std::future::pending().await;
                }
                Some(Fate::Broken) => return Ok(()),
            }
            server.write_all(&message).await?;
        }
    }
}

/// Sends a message once more, and reads what is said to it.
async fn repeat(server: Arc<str>, start: Vec<u8>, message: Vec<u8>, after: Duration) {
    tokio::time::sleep(after).await;
    let Ok(mut server) = TcpStream::connect(&*server).await else { return };
    let terminate = [b'X', 0, 0, 0, 4];
    if server.write_all(&[start, message, terminate.to_vec()].concat()).await.is_ok() {
        let _ = server.read_to_end(&mut Vec::new()).await;
    }
}

/// The only message without a kind.
async fn read_start(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let mut message = length.to_be_bytes().to_vec();
    message.resize(length as usize, 0);
    client.read_exact(&mut message[4..]).await?;
    Ok(message)
}

async fn read_message(client: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Vec<u8>> {
    let kind = client.read_u8().await?;
    let length = client.read_u32().await?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(1 + length as usize, 0);
    client.read_exact(&mut message[5..]).await?;
    Ok(message)
}

/// Fates for the next messages whose text has these words, one after the other.
#[derive(Clone, Default)]
pub(crate) struct Next(Arc<Mutex<VecDeque<(u8, String, Fate)>>>);

impl Next {
    /// `kind` is `Q` for a message with SQL, `B` for the values of a prepared statement, `S` for the
    /// end of its transaction.
    pub(crate) fn meets(&self, kind: u8, words: impl Into<String>, fate: Fate) {
        self.0.lock().unwrap().push_back((kind, words.into(), fate));
    }

    pub(crate) fn decide(&self) -> impl Fn(u8, &str) -> Option<Fate> + Send + Sync + use<> {
        let next = self.clone();
        move |kind, text| {
            let mut next = next.0.lock().unwrap();
            let (wanted, words, _) = next.front()?;
            let found = kind == *wanted && text.contains(&**words);
            found.then(|| next.pop_front().map(|(_, _, fate)| fate)).flatten()
        }
    }

    /// Waits until all of them have come.
    pub(crate) async fn have_come(&self) {
        for _ in 0..1_000 {
            if self.0.lock().unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("a message did not come");
    }
}
