//! The providers' side: deliveries, signed at the present time, over raw sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::SystemTime;

use countersign::testing::Signer;
use countersign::{Provider, Secret};

use crate::program::{PATIENCE, Program, SECRET};

/// A request that is ready to be sent.
#[derive(Clone)]
pub(crate) struct Delivery {
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What the program answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
}

/// The present time in the format of the providers' bodies.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

/// An event from Piora. Different marks are different events.
pub(crate) fn piora(mark: &str) -> Delivery {
    let body =
        format!(r#"{{"event":"server.alert","timestamp":"{}","data":{{"mark":"{mark}"}}}}"#, now());
    Delivery::signed("piora", &countersign::providers::piora::provider(), SECRET, &body)
}

/// An event from Hostwares with this id and type.
pub(crate) fn hostwares(id: &str, event: &str) -> Delivery {
    let body = format!(r#"{{"id":"{id}","event":"{event}","timestamp":"{}"}}"#, now());
    Delivery::signed("hostwares", &countersign::providers::hostwares::provider(), SECRET, &body)
}

impl Delivery {
    pub(crate) fn signed(name: &str, provider: &Provider, secret: &str, body: &str) -> Self {
        let secret = Secret::new(secret).unwrap();
        Self {
            path: format!("/webhooks/{name}"),
            headers: Signer::new(provider, &secret).sign(body),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it and reads the answer.
    pub(crate) fn send(&self, program: &Program) -> Answer {
        read_answer(self.open(program.addr))
    }

    /// Sends it and leaves the answer to be read.
    pub(crate) fn open(&self, addr: SocketAddr) -> TcpStream {
        let stream = self.open_head(addr, self.body.len());
        (&stream).write_all(self.body.as_bytes()).unwrap();
        stream
    }

    /// Sends the head, with this length declared.
    pub(crate) fn open_head(&self, addr: SocketAddr, length: usize) -> TcpStream {
        let mut head = format!("POST {} HTTP/1.1\r\nhost: {addr}\r\n", self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {length}\r\nconnection: close\r\n\r\n"));
        connect(addr, &head)
    }
}

/// Sends these bytes.
pub(crate) fn connect(addr: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

pub(crate) fn read_answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // Once the head is there, a reset says no more than an end.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert!(!bytes.is_empty(), "no answer: {error}");
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.unwrap_or_else(|| panic!("no status in {head:?}")), head }
}

/// The sender gives up.
pub(crate) fn hang_up(stream: TcpStream) {
    stream.shutdown(Shutdown::Both).unwrap();
}
