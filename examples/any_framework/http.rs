//! Just enough HTTP/1.1 for the example: one request a connection, with a declared length.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use countersign::{BodyError, BodySource, Lookup, RequestHead};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// A request's head, and what came of its body along with it.
pub(crate) struct Head {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    rest: Bytes,
}

/// How long a head may be.
const LONGEST: usize = 16 * 1024;

impl Head {
    pub(crate) async fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            if read.len() > LONGEST || stream.read_buf(&mut read).await? == 0 {
                return Err(ErrorKind::InvalidData.into());
            }
        };
        let (head, rest) = read.split_at(end);
        let mut words = head.split(|byte| *byte == b' ');
        let mut word = || String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
        let (method, target) = (word(), word());
        let lines = head.split(|byte| *byte == b'\n').skip(1).filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let (name, value) = line.split_at_checked(colon)?;
            let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
            Some((name, value.get(1..)?.trim_ascii().to_vec()))
        });
        let rest = Bytes::copy_from_slice(rest.get(4..).unwrap_or_default());
        Ok(Self { method, target, headers: lines.collect(), rest })
    }

    /// The body's declared length, if that is how the body comes.
    pub(crate) fn length(&self) -> Option<usize> {
        let Lookup::Missing = self.lookup("transfer-encoding") else { return None };
        let Lookup::One(length) = self.lookup("content-length") else { return None };
        std::str::from_utf8(length).ok()?.parse().ok()
    }
}

/// How the core reads a head: headers by a name in lower case, and it wants to know of repeated ones.
/// The method is not signed, and one that the endpoint does not accept is refused.
impl RequestHead for Head {
    fn method(&self) -> &str {
        &self.method
    }

    fn target(&self) -> &str {
        &self.target
    }

    fn lookup(&self, name: &str) -> Lookup<'_> {
        let named = self.headers.iter().filter(|(other, _)| other == name);
        Lookup::of(named.map(|(_, value)| &**value))
    }
}

/// A request's body, as it comes.
pub(crate) struct Body<'a> {
    stream: &'a mut TcpStream,
    ready: Bytes,
    left: usize,
}

impl<'a> Body<'a> {
    pub(crate) fn new(head: &Head, length: usize, stream: &'a mut TcpStream) -> Self {
        Self { stream, ready: head.rest.clone(), left: length }
    }
}

/// How the core reads a body: chunk by chunk.
impl BodySource for Body<'_> {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut chunk = std::mem::take(&mut self.ready);
        if chunk.is_empty() {
            let mut space = [0; 4096];
            let mut buffer = ReadBuf::new(&mut space);
            let read = ready!(Pin::new(&mut *self.stream).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Some(Err(BodyError::Broken)));
            }
            chunk = Bytes::copy_from_slice(buffer.filled());
        }
        chunk.truncate(self.left);
        self.left -= chunk.len();
        Poll::Ready(Some(Ok(chunk)))
    }
}

/// An answer, after which the connection is closed.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, Cow<'static, str>)>,
    pub(crate) body: Bytes,
}

impl Response {
    pub(crate) const fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) async fn write(self, stream: &mut TcpStream) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {} \r\nconnection: close\r\n", self.status);
        for (name, value) in self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        // A 204 has no body and so no length.
        if self.status != 204 {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        stream.write_all(format!("{text}\r\n").as_bytes()).await?;
        stream.write_all(&self.body).await?;
        stream.shutdown().await
    }
}
