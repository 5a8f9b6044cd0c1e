//! A small HTTP/1.1 client with full command of the bytes that it sends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::http2;

/// A server under test.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub address: SocketAddr,
    /// Whether [`Request::send`] speaks HTTP/2 to it. It understands HTTP/1.1 as well.
    pub http2: bool,
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self { address, http2: false }
    }
}

/// A request before it is bytes. Header values are bytes, legal or not.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn post(path: &str, headers: Vec<(String, String)>, body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        Self { method: "POST", path: format!("/{path}"), headers, body: body.into() }
    }

    /// The same with another method.
    pub fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// The same to another path.
    pub fn to(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The same without this header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// The same with this header's value changed.
    pub fn with_value(self, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        let old = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let new = change(old.unwrap_or_else(|| panic!("no header {name}")).1.clone());
        self.without(name).header(name, new)
    }

    /// The head, down to the empty line, with what frames the body.
    pub fn head(&self, framing: &str) -> Vec<u8> {
        let start = format!("{} {} HTTP/1.1\r\nhost: localhost\r\n", self.method, self.path);
        let mut head = start.into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(framing.as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        head
    }

    /// The whole request with a declared length.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head(&format!("content-length: {}", self.body.len()));
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The whole request, chunked into pieces of this size.
    pub fn chunked(&self, size: usize) -> Vec<u8> {
        let mut bytes = self.head("transfer-encoding: chunked");
        for chunk in self.body.chunks(size) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    /// Sends the request on a connection of its own and reads the answer.
    pub async fn send(&self, to: impl Into<Server>) -> Reply {
        self.start(to).await.reply().await
    }

    /// Sends the request on a connection of its own.
    pub async fn start(&self, to: impl Into<Server>) -> Exchange {
        let to = to.into();
        // What HTTP/2 cannot say, such as a header value with illegal bytes, goes over HTTP/1.1.
        if let Some(request) = http2::request(self).filter(|_| to.http2) {
            return Exchange::Http2(http2::start(to.address, request).await);
        }
        let mut connection = Connection::open(to).await;
        connection.write(&self.bytes()).await;
        Exchange::Http1(connection)
    }
}

/// A request that has been sent.
pub enum Exchange {
    Http1(Connection),
    Http2(http2::Exchange),
}

impl Exchange {
    pub async fn reply(self) -> Reply {
        self.try_reply().await.expect("an answer before the end of the connection")
    }

    /// The answer, or nothing if the server hangs up.
    pub async fn try_reply(self) -> Option<Reply> {
        match self {
            Self::Http1(mut connection) => connection.try_reply().await,
            Self::Http2(exchange) => in_time(exchange.try_reply()).await,
        }
    }

    /// Hangs up without waiting for the answer.
    pub async fn hang_up(self) {
        match self {
            Self::Http1(connection) => connection.hang_up().await,
            Self::Http2(exchange) => exchange.reset(),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    /// The body as text, where it is some.
    pub body: String,
    pub raw_body: Vec<u8>,
}

impl Reply {
    pub fn new(status: u16, headers: Vec<(String, String)>, raw_body: Vec<u8>) -> Self {
        let body = String::from_utf8_lossy(&raw_body).into_owned();
        Self { status, headers, body, raw_body }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Fails unless the answer is the one to a duplicate.
    #[track_caller]
    pub fn is_duplicate(&self) {
        assert_eq!((self.status, &*self.body), (200, r#"{"status":"duplicate"}"#));
    }

    /// Fails unless the answer says to come again later, and when.
    #[track_caller]
    pub fn is_not_now(&self, code: &str) {
        self.is_rejection(503, code);
        let after: u64 = self.header("retry-after").expect("a Retry-After").parse().unwrap();
        assert!(after >= 1);
    }

    /// Fails unless the answer is this rejection.
    #[track_caller]
    pub fn is_rejection(&self, status: u16, code: &str) {
        assert_eq!((self.status, &*self.body), (status, &*format!(r#"{{"error":"{code}"}}"#)));
        assert_eq!(self.header("content-type"), Some("application/json"));
    }
}

/// Nobody waits for ever for an answer.
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await;
    answer.expect("an answer within thirty seconds")
}

/// A connection that is kept alive.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub async fn open(to: impl Into<Server>) -> Self {
        Self(BufReader::new(TcpStream::connect(to.into().address).await.unwrap()))
    }

    /// Writes bytes; the server may have hung up already, having said all it wants to.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes).await;
    }

    pub async fn reply(&mut self) -> Reply {
        self.try_reply().await.expect("an answer before the end of the connection")
    }

    /// The next answer, or nothing if the server hangs up.
    pub async fn try_reply(&mut self) -> Option<Reply> {
        in_time(self.read_reply()).await
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let mut status_line = String::new();
        self.0.read_line(&mut status_line).await.ok().filter(|length| *length > 0)?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let reply = Reply::new(status, headers, Vec::new());
        let body = if reply.header("transfer-encoding") == Some("chunked") {
            self.chunks().await?
        } else {
            let length = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
            self.exactly(length).await?
        };
        Some(Reply::new(status, reply.headers, body))
    }

    async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.0.read_line(&mut size).await.ok()?;
            let size = usize::from_str_radix(size.trim_end(), 16).ok()?;
            body.extend(self.exactly(size).await?);
            self.exactly(2).await?;
            if size == 0 {
                return Some(body);
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).await.ok()?;
        Some(bytes)
    }

    /// Breaks the connection: the peer's next read or write fails.
    pub fn reset(self) {
        self.0.into_inner().set_zero_linger().unwrap();
    }

    /// Closes this side properly, without waiting for the answer.
    pub async fn hang_up(mut self) {
        let _ = self.0.get_mut().shutdown().await;
    }
}
