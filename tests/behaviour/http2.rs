//! The same requests over HTTP/2 without TLS.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::client::{Reply, Request};

/// The request as HTTP/2 says it, if it can.
pub fn request(request: &Request) -> Option<http::Request<Full<Bytes>>> {
    let mut builder = http::Request::builder().method(request.method);
    builder = builder.uri(format!("http://localhost{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(name, &**value);
    }
    builder.body(Full::new(request.body.clone().into())).ok()
}

/// A request that has been sent.
pub struct Exchange {
    answer: JoinHandle<Option<Reply>>,
    connection: JoinHandle<()>,
}

/// Sends a request on a connection of its own.
pub async fn start(to: SocketAddr, request: http::Request<Full<Bytes>>) -> Exchange {
    let io = TokioIo::new(TcpStream::connect(to).await.unwrap());
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(async move { drop(connection.await) });
    let answer = tokio::spawn(async move { read(sender.send_request(request).await.ok()?).await });
    Exchange { answer, connection }
}

async fn read(response: http::Response<hyper::body::Incoming>) -> Option<Reply> {
    let status = response.status().as_u16();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    Some(Reply::new(status, headers, body.into()))
}

impl Exchange {
    pub async fn try_reply(mut self) -> Option<Reply> {
        (&mut self.answer).await.unwrap()
    }

    /// Resets the stream, while the connection goes on.
    pub fn reset(self) {
        self.answer.abort();
        std::mem::forget(self);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
