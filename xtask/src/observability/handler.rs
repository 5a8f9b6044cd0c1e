//! The user's program behind the listener: it answers what it is told to, when it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

pub(super) struct Handler {
    pub(super) port: u16,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    status: AtomicU16,
    millis: AtomicU64,
    running: AtomicUsize,
}

impl Handler {
    pub(super) fn start() -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let told = Arc::new(Told { status: AtomicU16::new(200), ..Told::default() });
        let of_server = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let told = Arc::clone(&of_server);
                thread::spawn(move || serve(&stream, &told));
            }
        });
        Ok(Self { port, told })
    }

    /// From now on it answers this.
    pub(super) fn answer(&self, status: u16) {
        self.told.status.store(status, Ordering::SeqCst);
    }

    /// From now on it takes so long.
    pub(super) fn wait(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.told.millis.store(millis, Ordering::SeqCst);
    }

    pub(super) fn running(&self) -> usize {
        self.told.running.load(Ordering::SeqCst)
    }
}

/// One connection, whose requests come one after the other.
fn serve(mut stream: &TcpStream, told: &Told) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(given) = line.strip_prefix("content-length:") {
                length = given.trim().parse().unwrap_or(0);
            }
            if line.is_empty() {
                break;
            }
        }
        if std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).is_err() {
            return;
        }
        told.running.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(told.millis.load(Ordering::SeqCst)));
        told.running.fetch_sub(1, Ordering::SeqCst);
        let status = told.status.load(Ordering::SeqCst);
        if write!(stream, "HTTP/1.1 {status} Told\r\ncontent-length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}
