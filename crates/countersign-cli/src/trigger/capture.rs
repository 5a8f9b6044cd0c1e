//! A captured request: raw HTTP/1.1 text.

use std::fs;
use std::path::Path;

/// A request as its file has it.
pub(super) struct Captured {
    pub(super) method: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Captured {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let cannot = |why: String| format!("--replay {}: {why}", path.display());
        let bytes = fs::read(path).map_err(|error| cannot(error.to_string()))?;
        Self::parse(&bytes).map_err(|why| cannot(why.to_owned()))
    }

    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let (head, body) = split_head(bytes);
        let head = std::str::from_utf8(head).map_err(|_| "its head is not text")?;
        let mut lines = head.lines();
        let first = lines.next().unwrap_or_default();
        let mut words = first.split_whitespace();
        let (method, target) = (words.next(), words.next());
        let (Some(method), Some(_), true) = (method, target, first.contains("HTTP/1")) else {
            return Err("it does not begin with a request line, such as `POST /hooks HTTP/1.1`");
        };
        let mut headers = Vec::new();
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(':').ok_or("a line of its head is not a header")?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let of = |name: &str| {
            let mut headers = headers.iter();
            headers.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
        };
        if of("transfer-encoding").is_some() {
            return Err("its body is chunked; save it with a Content-Length");
        }
        // Editors add a line end to the file, which is not the body's.
        let body = match of("content-length").map(str::parse) {
            Some(Ok(length)) => body.get(..length).ok_or("its body is shorter than it says")?,
            Some(Err(_)) => return Err("its Content-Length is not a number"),
            None => body,
        };
        Ok(Self { method: method.to_owned(), body: body.to_vec(), headers })
    }

    pub(super) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// The head and the body, at the first empty line, whatever its line ends are.
fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        if line.trim_ascii().is_empty() {
            let (head, body) = (bytes.get(..start), bytes.get(end..));
            return (head.unwrap_or_default(), body.unwrap_or_default());
        }
        start = end;
    }
    (bytes, &[])
}
