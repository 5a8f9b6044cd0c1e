//! The user's own program: a server that notes what it gets and answers what the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::spawn;

use crate::program::PATIENCE;

/// A request as it came.
pub(crate) struct Received {
    pub(crate) request_line: String,
    /// In order; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other == name);
        let value = found.next().map(|(_, value)| &**value);
        assert!(found.next().is_none(), "{name} is there twice");
        value
    }
}

pub(crate) struct Target {
    pub(crate) url: String,
    received: Receiver<Received>,
}

impl Target {
    /// Answers the nth request, counted from 0, with what the function returns, such as
    /// `204 No Content`, or `400 Bad Request with BODY`; with nothing, the connection is closed.
    pub(crate) fn new(answer: impl Fn(usize) -> &'static str + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?from=countersign", listener.local_addr().unwrap());
        let (sender, received) = channel();
        let answer = Arc::new(answer);
        spawn(move || {
            for (nth, stream) in listener.incoming().enumerate() {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                spawn(move || serve(stream.unwrap(), &sender, || answer(nth)));
            }
        });
        Self { url, received }
    }

    /// Answers 200, with these headers more, each with its line end.
    pub(crate) fn with_headers(headers: &'static str) -> Self {
        let status: &'static str = format!("200 OK\r\n{}", headers.trim_end()).leak();
        Self::new(move |_| status)
    }

    /// Answers 200 when the test says so.
    pub(crate) fn gated() -> (Self, Sender<()>) {
        let (open, gate) = channel();
        let gate = std::sync::Mutex::new(gate);
        let target = Self::new(move |_| {
            let _ = gate.lock().unwrap().recv_timeout(PATIENCE);
            "200 OK"
        });
        (target, open)
    }

    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(PATIENCE).expect("nothing was forwarded")
    }

    pub(crate) fn nothing_more(&self) {
        assert!(self.received.try_recv().is_err(), "forwarded more often than it should be");
    }
}

fn serve(stream: TcpStream, sender: &Sender<Received>, answer: impl Fn() -> &'static str) {
    let mut reader = BufReader::new(&stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut lines = lines.into_iter();
    let request_line = lines.next().unwrap_or_default();
    let headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let _ = sender.send(Received { request_line, headers, body });
    let answer = answer();
    if !answer.is_empty() {
        let (status, body) = answer.split_once(" with ").unwrap_or((answer, ""));
        let framing = match status.starts_with("204") {
            true => String::new(),
            false => format!("content-length: {}\r\n", body.len()),
        };
        let _ = write!(&stream, "HTTP/1.1 {status}\r\n{framing}location: /elsewhere\r\n\r\n{body}");
    }
}
