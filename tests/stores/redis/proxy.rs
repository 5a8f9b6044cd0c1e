//! What stands between a client and its servers: an address that moves, a path that goes dead,
//! commands that are delayed, cut off or sent twice.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Pass,
    /// It waits for so long, and with it all that follows on its connection.
    Stall(Duration),
    /// The connection breaks now, and so much later the server gets the command all the same.
    Late(Duration),
    /// The server carries it out, and the connection breaks before the client has the answer.
    Cut,
    /// It passes, and so much later the server gets it again.
    Twice(Duration),
}

type Decide = Arc<dyn Fn(&str) -> Fate + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Proxy {
    address: Arc<str>,
    backend: Arc<AtomicU16>,
    /// Connections before this one are dead: nothing comes through, and nobody hangs up.
    alive_from: Arc<AtomicU64>,
    connections: Arc<AtomicU64>,
    decide: Arc<Mutex<Decide>>,
    /// Commands that have yet to arrive.
    late: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pass: Decide = Arc::new(|_| Fate::Pass);
        let proxy = Self {
            address: format!("redis://{}/", listener.local_addr().unwrap()).into(),
            backend: Arc::new(port.into()),
            alive_from: Arc::default(),
            connections: Arc::default(),
            decide: Arc::new(Mutex::new(pass)),
            late: Arc::default(),
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

    /// From now on this decides on commands, by their names.
    pub(crate) fn decide(&self, decide: impl Fn(&str) -> Fate + Send + Sync + 'static) {
        *self.decide.lock().unwrap() = Arc::new(decide);
    }

    /// Waits until no command is under way any more.
    pub(crate) async fn all_arrived(&self) {
        let start = Instant::now();
        while self.late.load(Ordering::SeqCst) > 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "late commands never arrive");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn carry(self, mut client: TcpStream, number: u64) {
        let mut server = self.server().await;
        let (mut up, mut down) = ([0; 4096], [0; 4096]);
        let mut unsent = Vec::new();
        loop {
            let carried = tokio::select! {
                read = client.read(&mut up) => (read, true),
                read = server.read(&mut down) => (read, false),
            };
            let (Ok(length @ 1..), upward) = carried else { return };
            while number < self.alive_from.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let goes_on = if upward {
                unsent.extend_from_slice(&up[..length]);
                self.carry_up(&mut unsent, &mut server).await
            } else {
                client.write_all(&down[..length]).await.is_ok()
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Carries whole commands. Tells whether the connection goes on.
    async fn carry_up(&self, unsent: &mut Vec<u8>, server: &mut TcpStream) -> bool {
        while let Some(length) = command_length(unsent) {
            let command: Vec<u8> = unsent.drain(..length).collect();
            let decide = Arc::clone(&self.decide.lock().unwrap());
            let fate = decide(name(&command));
            match fate {
                Fate::Pass | Fate::Cut => {}
                Fate::Stall(time) => tokio::time::sleep(time).await,
                Fate::Late(time) | Fate::Twice(time) => self.send_later(command.clone(), time),
            }
            if matches!(fate, Fate::Late(_)) {
                return false;
            }
            if server.write_all(&command).await.is_err() {
                return false;
            }
            if matches!(fate, Fate::Cut) {
                let _ = server.read(&mut [0; 64]).await;
                return false;
            }
        }
        true
    }

    fn send_later(&self, command: Vec<u8>, time: Duration) {
        self.late.fetch_add(1, Ordering::SeqCst);
        let proxy = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            let mut server = proxy.server().await;
            server.write_all(&command).await.unwrap();
            // Carried out when it is answered.
            assert_ne!(server.read(&mut [0; 64]).await.unwrap(), 0);
            proxy.late.fetch_sub(1, Ordering::SeqCst);
        });
    }

    async fn server(&self) -> TcpStream {
        let backend = self.backend.load(Ordering::SeqCst);
        TcpStream::connect(("127.0.0.1", backend)).await.unwrap()
    }
}

/// How long the first command is, `*2\r\n$3\r\nGET\r\n$1\r\na\r\n`, if it is there as a whole.
fn command_length(bytes: &[u8]) -> Option<usize> {
    let number = |place: usize| {
        let digits = bytes.get(place + 1..)?;
        let end = digits.windows(2).position(|two| two == b"\r\n")?;
        let number: usize = std::str::from_utf8(&digits[..end]).unwrap().parse().unwrap();
        Some((number, place + end + 3))
    };
    let (parts, mut place) = number(0)?;
    for _ in 0..parts {
        let (length, start) = number(place)?;
        place = start + length + 2;
    }
    (bytes.len() >= place).then_some(place)
}

fn name(command: &[u8]) -> &str {
    let mut lines = command.split(|byte| *byte == b'\n');
    let name = lines.nth(2).unwrap_or_default();
    std::str::from_utf8(name).unwrap().trim_end()
}
