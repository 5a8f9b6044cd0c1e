//! An HTTP/1.1 client that sends one POST a connection: all that a webhook takes.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection for one request.
#[derive(Debug)]
pub struct Client(TcpStream);

impl Client {
    /// Connects to a receiver.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        TcpStream::connect(address).await.map(Self)
    }

    /// Sends a delivery and reads the answer. The body is JSON unless a header says otherwise.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or the answer is not HTTP.
    pub async fn post(
        mut self,
        path: &str,
        headers: &[(String, String)],
        body: &str,
    ) -> io::Result<Answer> {
        let mut head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        head += &format!("content-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            head += "content-type: application/json\r\n";
        }
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.0.write_all(format!("{head}\r\n{body}").as_bytes()).await?;

        let mut answer = String::new();
        self.0.read_to_string(&mut answer).await?;
        Answer::read(&answer).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, answer))
    }
}

/// What a receiver answered. Shown as `503 in_flight, Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The `Retry-After` header, in seconds.
    pub retry_after: Option<u64>,
    /// The body.
    pub body: String,
}

impl Answer {
    fn read(answer: &str) -> Option<Self> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let retry_after = lines
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
            .and_then(|(_, seconds)| seconds.parse().ok());
        Some(Self { status, retry_after, body: body.to_owned() })
    }

    /// The code in an answer that the middleware gave, such as `signature_mismatch`: its body is
    /// `{"error":"<code>"}`, or `{"status":"<code>"}` where nothing went wrong.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let body: Value = serde_json::from_str(&self.body).ok()?;
        Some(body.get("error").or(body.get("status"))?.as_str()?.to_owned())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(code) = self.code() {
            write!(f, " {code}")?;
        }
        if self.retry_after.is_some() {
            f.write_str(", Retry-After")?;
        }
        Ok(())
    }
}
