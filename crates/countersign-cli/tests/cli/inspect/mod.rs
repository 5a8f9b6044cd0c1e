//! The inspector of `countersign listen`: its API, its page, and who gets in.

#![expect(clippy::indexing_slicing, reason = "a test may")]

mod browser;
mod copies;
mod events;
mod file;
mod library;
mod redaction;
mod replay;
mod security;
mod why;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, Program, command};

/// What a page of the inspector's own sends with what changes something.
pub(crate) const OWN: (&str, &str) = ("x-countersign-inspector", "1");

/// The inspector of a program that runs.
#[derive(Clone, Copy)]
pub(crate) struct Inspector {
    pub(crate) addr: SocketAddr,
}

/// What it answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// `countersign listen` with an inspector on a free port, and these arguments more.
pub(crate) fn inspected(args: &[&str]) -> (Program, Inspector) {
    let common = ["listen", "--addr", "127.0.0.1:0", "--inspect", "127.0.0.1:0"];
    let program = Program::spawn(command(&[&common, args].concat()));
    let inspector = Inspector::of(&program);
    (program, inspector)
}

impl Inspector {
    pub(crate) fn of(program: &Program) -> Self {
        program.wait_for_log("inspector on http://");
        let said = program.stderr();
        let (_, rest) = said.split_once("inspector on http://").unwrap();
        let addr = rest.split([',', '\n']).next().unwrap();
        let addr: SocketAddr = addr.parse().unwrap();
        // One that listens everywhere is spoken to on loopback.
        let addr =
            if addr.ip().is_unspecified() { ([127, 0, 0, 1], addr.port()).into() } else { addr };
        Self { addr }
    }

    pub(crate) fn get(self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// As the inspector's own page does it.
    pub(crate) fn post(self, path: &str, body: &Value) -> Answer {
        let kind = ("content-type", "application/json");
        self.ask("POST", path, &[OWN, kind], &body.to_string())
    }

    pub(crate) fn ask(
        self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: {}\r\n", self.addr));
        }
        for (name, value) in headers.iter().filter(|(_, value)| *value != "(none)") {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
        // It may refuse by the head and close.
        let _ = stream.write_all((head + body).as_bytes());
        let mut bytes = Vec::new();
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(!bytes.is_empty(), "no answer: {error}");
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes[end + 4..].to_vec();
        if head.contains("transfer-encoding: chunked") {
            body = unchunked(&body);
        }
        Answer { status, head, body }
    }

    /// The rows, the newest first.
    pub(crate) fn rows(self) -> Vec<Value> {
        let answer = self.get("/api/deliveries?limit=10000");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["deliveries"].as_array().unwrap().clone()
    }

    pub(crate) fn row(self, number: u64) -> Value {
        let rows = self.rows();
        let found = rows.iter().find(|row| row["number"] == number);
        found.unwrap_or_else(|| panic!("no delivery {number} in {rows:?}")).clone()
    }

    pub(crate) fn detail(self, number: u64) -> Value {
        let answer = self.get(&format!("/api/deliveries/{number}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    pub(crate) fn replay(self, number: u64, how: &Value) -> Answer {
        self.post(&format!("/api/deliveries/{number}/replay"), how)
    }

    /// Asks until this is so.
    pub(crate) fn wait_until(self, what: &str, is_so: impl Fn(&[Value]) -> bool) {
        let started = Instant::now();
        while !is_so(&self.rows()) {
            assert!(started.elapsed() < PATIENCE, "never {what}: {:?}", self.rows());
            sleep(Duration::from_millis(20));
        }
    }

    /// The feed, after an event that was seen.
    pub(crate) fn feed(self, last: Option<&str>) -> Feed {
        let mut stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET /events HTTP/1.0\r\nhost: {}\r\n{last}\r\n", self.addr).unwrap();
        let mut feed = Feed { reader: BufReader::new(stream), id: String::new() };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(feed.reader.read_line(&mut head).unwrap(), 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.0 200"), "{head}");
        assert!(head.to_lowercase().contains("content-type: text/event-stream"), "{head}");
        feed
    }
}

/// The events as they come.
pub(crate) struct Feed {
    reader: BufReader<TcpStream>,
    /// Of the last event.
    pub(crate) id: String,
}

impl Feed {
    /// The next event: its name and its data.
    pub(crate) fn next(&mut self) -> (String, Value) {
        let (mut name, mut data) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert_ne!(self.reader.read_line(&mut line).unwrap(), 0, "the feed ends");
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => data.push_str(value),
                Some(("id", value)) => value.clone_into(&mut self.id),
                _ if line == "\n" && !name.is_empty() => {
                    return (name, serde_json::from_str(&data).unwrap());
                }
                _ => {}
            }
        }
    }

    /// Waits until it is connected.
    pub(crate) fn connected(mut self) -> Self {
        let mut line = String::new();
        while !line.contains("connected") {
            line.clear();
            assert_ne!(self.reader.read_line(&mut line).unwrap(), 0);
            if let Some(id) = line.strip_prefix("id: ") {
                id.trim_end().clone_into(&mut self.id);
            }
        }
        self
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&body[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return out;
        }
        body = &body[end + 2..];
        out.extend_from_slice(&body[..size]);
        body = &body[size + 2..];
    }
}
