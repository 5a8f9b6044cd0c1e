//! Whether a server is there, and whether the tests may use it.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::programs::program;

/// What is at an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    /// No such server.
    Nothing,
    /// One that asks for a password, or does not have what the tests use.
    Closed,
    /// One that the tests can use.
    Open,
}

/// The host and the port of a URL.
pub(crate) fn host(url: &str, port: u16) -> Option<(String, u16)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    let numbered = host.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = numbered.unwrap_or((host, port));
    Some((host.trim_matches(['[', ']']).to_owned(), port))
}

/// Asks with `PING`, the one line that needs no client.
pub(crate) fn redis(host: &str, port: u16) -> Answer {
    let wait = Duration::from_secs(2);
    let ask = |address| {
        let mut server = TcpStream::connect_timeout(&address, wait).ok()?;
        server.set_read_timeout(Some(wait)).ok()?;
        server.write_all(b"PING\r\n").ok()?;
        let mut first = [0];
        server.read_exact(&mut first).ok()?;
        Some(first)
    };
    match (host, port).to_socket_addrs().ok().and_then(|mut addresses| addresses.find_map(ask)) {
        Some([b'+']) => Answer::Open,
        // An error, such as one that asks for a password.
        Some([b'-']) => Answer::Closed,
        _ => Answer::Nothing,
    }
}

/// Asks Postgres's own programs. Open is where `postgres` gets into the database `test`.
pub(crate) fn postgres(host: &str, port: u16) -> Answer {
    let succeeds = |name: &str, arguments: &[&str]| {
        let mut client = Command::new(program(name).unwrap_or_else(|| name.into()));
        client.args(["-h", host, "-p", &port.to_string()]).args(arguments);
        client.env("PGCONNECT_TIMEOUT", "2");
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        client.status().is_ok_and(|status| status.success())
    };
    if !succeeds("pg_isready", &["-t", "2"]) {
        return Answer::Nothing;
    }
    match succeeds("psql", &["-wX", "-U", "postgres", "-d", "test", "-c", "SELECT 1"]) {
        true => Answer::Open,
        false => Answer::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_url_is_found_whatever_stands_around_it() {
        for (url, expected) in [
            ("redis://127.0.0.1/", ("127.0.0.1", 6379)),
            ("redis://u:p%40@h:7000/1", ("h", 7000)),
            ("redis://[::1]:7000", ("::1", 7000)),
            ("redis://[::1]", ("::1", 6379)),
            ("redis://h?timeout=1", ("h", 6379)),
        ] {
            let expected = (expected.0.to_owned(), expected.1);
            assert_eq!(host(url, 6379), Some(expected), "{url}");
        }
        assert_eq!(host("postgres:///test?host=/run", 5432), None);
        assert_eq!(host("127.0.0.1:6379", 6379), None);
    }
}
