//! HTTP/1.1 as text: request line, headers, an empty line, the body.

use std::time::SystemTime;

use countersign::diagnosis::Request;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Capture, RECEIVED_AT};

type Headers = Vec<(String, Vec<u8>)>;

/// The body is what follows the first empty line, byte for byte, as far as `Content-Length` says.
pub(super) fn read(bytes: &[u8]) -> Result<Capture, String> {
    let (head, body) = split(bytes);
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let first = lines.next().unwrap_or_default();
    let line = String::from_utf8_lossy(first).into_owned();
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (method, target, rest) = match *words {
        [method, target, version] if version.starts_with("HTTP/") => {
            (method, target, lines_of(lines))
        }
        // Only headers.
        _ if is_header(first) => ("POST", "/", lines_of(std::iter::once(first).chain(lines))),
        _ => {
            return Err(
                "this is no captured request: it should begin with a request line such as \
                        `POST /webhooks HTTP/1.1`, with headers, with `curl`, or be a HAR file"
                    .to_owned(),
            );
        }
    };
    let body = unchunked(&rest, body).unwrap_or_else(|| {
        // Editors add a line end to the file, which is not the body's.
        let declared = rest.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let declared =
            declared.and_then(|(_, length)| std::str::from_utf8(length).ok()?.parse().ok());
        declared.and_then(|length| body.get(..length)).unwrap_or(body).to_vec()
    });
    Ok(capture(method, target, rest, body))
}

/// Headers without a request line.
pub(super) fn of_parts(headers: &[u8], body: Vec<u8>) -> Capture {
    let (head, _) = split(headers);
    let lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut lines = lines.peekable();
    // It may be there nonetheless.
    let line = lines.next_if(|line| !is_header(line)).unwrap_or_default();
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next().unwrap_or("POST"), words.next().unwrap_or("/"));
    capture(method, target, lines_of(lines), body)
}

fn capture(method: &str, target: &str, mut headers: Headers, body: Vec<u8>) -> Capture {
    let at = received_at(&mut headers);
    let value = |name: &str| {
        let found = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    let url = match (target.contains("://"), value("host").or_else(|| value(":authority"))) {
        (true, _) => Some(target.to_owned()),
        (false, Some(host)) => Some(format!("https://{host}{target}")),
        (false, None) => None,
    };
    let method = value(":method").unwrap_or_else(|| method.to_owned());
    let request = Request::new(headers, body).method(&method).target(&super::target(target));
    Capture { request, url, at }
}

/// When it was received, where the capture says so. It is no header of the request's.
fn received_at(headers: &mut Headers) -> Option<SystemTime> {
    let at = headers.iter().position(|(name, _)| name.eq_ignore_ascii_case(RECEIVED_AT))?;
    let (_, value) = headers.remove(at);
    OffsetDateTime::parse(std::str::from_utf8(&value).ok()?, &Rfc3339).ok().map(Into::into)
}

/// The head and the body. Lines may end with or without a carriage return.
fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let bytes = bytes.trim_ascii_start();
    let ends = [&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"];
    let found = ends.iter().filter_map(|end| {
        let at = bytes.windows(end.len()).position(|window| window == *end)?;
        Some((at, end.len()))
    });
    match found.min_by_key(|(at, _)| *at) {
        Some((at, length)) => {
            (bytes.get(..at).unwrap_or_default(), bytes.get(at + length..).unwrap_or_default())
        }
        None => (bytes, &[]),
    }
}

fn lines_of<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Headers {
    let mut headers: Headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        // A line that begins with white space goes on with the one before (RFC 9112 §5.2).
        if let (Some(b' ' | b'\t'), Some((_, value))) = (line.first(), headers.last_mut()) {
            value.push(b' ');
            value.extend_from_slice(line.trim_ascii());
            continue;
        }
        let colon = line.iter().skip(1).position(|byte| *byte == b':');
        let Some(at) = colon.map(|at| at + 1) else { continue };
        let (name, value) = line.split_at(at);
        let value = value.get(1..).unwrap_or_default().trim_ascii().to_vec();
        headers.push((String::from_utf8_lossy(name.trim_ascii()).into_owned(), value));
    }
    headers
}

fn is_header(line: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_:".contains(byte);
    let name = line.iter().skip(1).position(|byte| *byte == b':').and_then(|at| line.get(..=at));
    name.is_some_and(|name| name.iter().all(is_part))
}

/// The body of a capture that has its chunks in it; nothing if it has none.
fn unchunked(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    let is_chunked = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.eq_ignore_ascii_case(b"chunked")
    });
    let mut rest = Some(body).filter(|body| is_chunked && !body.is_empty())?;
    let mut out = Vec::new();
    loop {
        let at = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(rest.get(..at)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(at + 2..)?;
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_taken_byte_for_byte_whatever_ends_the_lines() {
        for end in ["\r\n", "\n"] {
            let head = ["POST /a?b=1 HTTP/1.1", "Host: example.test", "X-A:  1 ", ""].join(end);
            let text = format!("{head}{end}{{}}\r\n\r\n{{}}\n");
            let capture = read(text.as_bytes()).unwrap();
            assert_eq!(capture.request.body, b"{}\r\n\r\n{}\n", "{end:?}");
            assert_eq!(capture.request.target, "/a?b=1");
            assert_eq!(capture.request.headers[1], ("X-A".to_owned(), b"1".to_vec()));
            assert_eq!(capture.url.as_deref(), Some("https://example.test/a?b=1"));
        }
    }

    #[test]
    fn what_stands_after_the_declared_length_is_not_the_bodys() {
        let body = |length: &str| {
            let text = format!("POST / HTTP/1.1\nContent-Length: {length}\n\n{{}}\n");
            read(text.as_bytes()).unwrap().request.body
        };
        assert_eq!(body("2"), b"{}");
        assert_eq!(body("3"), b"{}\n");
        assert_eq!(body("4"), b"{}\n");
        assert_eq!(body("-"), b"{}\n");
    }

    #[test]
    fn chunks_are_joined_where_there_are_some() {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = |text: &str| read(format!("{head}{text}").as_bytes()).unwrap().request.body;
        assert_eq!(body("2\r\n{\"\r\n3;x=1\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n"), b"{\"a\":1}");
        assert_eq!(body("{\"a\":1}"), b"{\"a\":1}");
    }

    #[test]
    fn what_is_no_request_is_an_error_that_says_so() {
        assert!(read(b"hello world").unwrap_err().contains("request line"));
        assert!(read(b"").unwrap_err().contains("request line"));
    }
}
