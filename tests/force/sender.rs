//! A provider that does not give up.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use countersign::Secret;
use countersign::providers::hostwares;
use countersign::testing::Signer;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The receivers' secret.
pub fn secret() -> Secret {
    Secret::new("a secret between processes").unwrap()
}

/// A signed delivery of the event `evt_<number>`, as bytes on the wire.
pub fn delivery(number: usize) -> Vec<u8> {
    let now = OffsetDateTime::from(SystemTime::now()).format(&Rfc3339).unwrap();
    let body = format!(r#"{{"id":"evt_{number}","event":"site.created","timestamp":"{now}"}}"#);
    let mut request = String::from("POST /hostwares HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in Signer::new(&hostwares::provider(), &secret()).sign(&body) {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    request.into_bytes()
}

/// A connection that is kept alive as long as the receiver lives.
#[derive(Default)]
pub struct Sender {
    connection: Option<TcpStream>,
}

impl Sender {
    /// Sends a delivery once; gives the status and the body, or nothing if the receiver went away.
    pub async fn send(&mut self, to: SocketAddr, delivery: &[u8]) -> Option<(u16, String)> {
        let sent = tokio::time::timeout(Duration::from_secs(10), self.try_send(to, delivery));
        let answer = sent.await.ok().flatten();
        if answer.is_none() {
            self.connection = None;
        }
        answer
    }

    async fn try_send(&mut self, to: SocketAddr, delivery: &[u8]) -> Option<(u16, String)> {
        if self.connection.is_none() {
            self.connection = Some(TcpStream::connect(to).await.ok()?);
        }
        let connection = self.connection.as_mut()?;
        connection.write_all(delivery).await.ok()?;
        let mut answer = Vec::new();
        loop {
            let mut part = [0; 2048];
            let read = connection.read(&mut part).await.ok().filter(|read| *read > 0)?;
            answer.extend_from_slice(&part[..read]);
            if let Some(answer) = whole(&answer) {
                return Some(answer);
            }
        }
    }

    /// Sends a delivery until it is answered 2xx; gives how often it was sent.
    pub async fn until_handled(&mut self, to: SocketAddr, delivery: &[u8]) -> usize {
        for sent in 1..=20_000 {
            if let Some((200..300, _)) = self.send(to, delivery).await {
                return sent;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not handled after 20 000 deliveries");
    }
}

/// The status and the body, if the answer is all there.
fn whole(answer: &[u8]) -> Option<(u16, String)> {
    let text = std::str::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().filter_map(|line| line.split_once(": "));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.map(|(_, value)| value.parse().unwrap()).next().unwrap_or(0);
    (body.len() >= length).then(|| (status, body.to_owned()))
}
