//! A client on kept-alive HTTP/1.1 connections: on each, one request after the other's answer.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Connections to a server, all on the thread that calls.
pub struct Client {
    runtime: Runtime,
    address: SocketAddr,
    sockets: Vec<TcpStream>,
}

/// How it went.
pub struct Exchanges {
    pub took: Duration,
    /// Nanoseconds from the writing of each request to the end of its answer, in order of size.
    pub latencies: Vec<u64>,
}

impl Client {
    pub fn connect(address: SocketAddr, connections: usize) -> Self {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("a runtime");
        let connect = |_| runtime.block_on(connect(address));
        let sockets = (0..connections).map(connect).collect();
        Self { runtime, address, sockets }
    }

    /// Sends these, each over the connection that is free first.
    ///
    /// # Panics
    ///
    /// If one is answered with another status.
    pub fn send(&mut self, requests: Vec<Vec<u8>>, status: u16) -> Exchanges {
        let (count, address) = (requests.len(), self.address);
        let left = Rc::new(RefCell::new(requests.into_iter()));
        let latencies = Rc::new(RefCell::new(Vec::with_capacity(count)));
        let sockets = std::mem::take(&mut self.sockets);
        let start = Instant::now();
        let local = LocalSet::new();
        let one = |mut socket: TcpStream| {
            let (left, latencies) = (Rc::clone(&left), Rc::clone(&latencies));
            local.spawn_local(async move {
                let mut buffer = Vec::with_capacity(4096);
                loop {
                    let next = left.borrow_mut().next();
                    let Some(request) = next else { return socket };
                    let start = Instant::now();
                    socket.write_all(&request).await.expect("a connection");
                    let answer = read_answer(&mut socket, &mut buffer).await;
                    latencies.borrow_mut().push(start.elapsed().as_nanos() as u64);
                    assert_eq!(answer.status, status, "{}", String::from_utf8_lossy(&buffer));
                    if answer.closes {
                        socket = connect(address).await;
                    }
                }
            })
        };
        let tasks: Vec<_> = sockets.into_iter().map(one).collect();
        self.sockets = self.runtime.block_on(local.run_until(async {
            let mut sockets = Vec::with_capacity(tasks.len());
            for task in tasks {
                sockets.push(task.await.expect("it does not panic"));
            }
            sockets
        }));
        let took = start.elapsed();
        let mut latencies = latencies.take();
        latencies.sort_unstable();
        Exchanges { took, latencies }
    }
}

async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).await.expect("the server listens");
    socket.set_nodelay(true).expect("a socket");
    socket
}

struct Answer {
    status: u16,
    closes: bool,
}

/// Reads one answer to its end.
async fn read_answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> Answer {
    buffer.clear();
    let (end, head) = loop {
        let read = socket.read_buf(buffer).await.expect("an answer");
        assert_ne!(read, 0, "the server hung up");
        let end = buffer.windows(4).position(|part| part == b"\r\n\r\n");
        if let Some(end) = end {
            break (end + 4, String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase());
        }
    };
    let header = |name| {
        let line = head.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let length = header("content-length:").and_then(|length| length.parse().ok());
    let all = end + length.unwrap_or(0_usize);
    while buffer.len() < all {
        assert_ne!(socket.read_buf(buffer).await.expect("the body"), 0, "the server hung up");
    }
    Answer { status, closes: header("connection:").is_some_and(|value| value == "close") }
}
