//! Whether a server is there, asked in its own protocol.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// `host:port` of a URL.
pub(crate) fn host(url: &str, port: u16) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next().filter(|host| !host.is_empty())?;
    let numbered = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Some(if numbered { host.to_owned() } else { format!("{host}:{port}") })
}

pub(crate) fn redis_is_at(host: &str) -> bool {
    // `+PONG`, or an error that asks for a password.
    matches!(ping(host), Some(b'+' | b'-'))
}

pub(crate) fn redis_welcomes(host: &str) -> bool {
    ping(host) == Some(b'+')
}

fn ping(host: &str) -> Option<u8> {
    let mut server = connect(host)?;
    server.write_all(b"PING\r\n").ok()?;
    read::<1>(&mut server).map(|[first]| first)
}

pub(crate) fn postgres_is_at(host: &str) -> bool {
    let asked = connect(host).and_then(|mut server| {
        // A request for TLS, which is answered with one letter.
        server.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).ok()?;
        read::<1>(&mut server)
    });
    matches!(asked, Some([b'S' | b'N']))
}

/// Whether `postgres` gets into the database `test`.
pub(crate) fn postgres_welcomes(host: &str) -> bool {
    let welcome = connect(host).and_then(|mut server| {
        server.write_all(b"\0\0\0\x25\0\x03\0\0user\0postgres\0database\0test\0\0").ok()?;
        // Up to "ready for query". An error comes instead, or a request for a password, which
        // nobody answers.
        loop {
            let [kind] = read(&mut server)?;
            let length = u32::from_be_bytes(read(&mut server)?).checked_sub(4)?;
            match kind {
                b'Z' => return Some(()),
                b'E' => return None,
                _ => {}
            }
            let mut message = Vec::new();
            (&mut server).take(length.into()).read_to_end(&mut message).ok()?;
            if kind == b'R' && message != [0; 4] {
                return None;
            }
        }
    });
    welcome.is_some()
}

fn connect(host: &str) -> Option<TcpStream> {
    let wait = Duration::from_secs(2);
    host.to_socket_addrs().ok()?.find_map(|address| {
        let server = TcpStream::connect_timeout(&address, wait).ok()?;
        server.set_read_timeout(Some(wait)).ok()?;
        Some(server)
    })
}

fn read<const LENGTH: usize>(server: &mut TcpStream) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    server.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_url_is_found_whatever_stands_around_it() {
        for (url, expected) in [
            ("redis://127.0.0.1/", "127.0.0.1:6379"),
            ("redis://u:p%40@h:7000/1", "h:7000"),
            ("redis://[::1]:7000", "[::1]:7000"),
            ("redis://[::1]", "[::1]:6379"),
            ("redis://h?timeout=1", "h:6379"),
        ] {
            assert_eq!(host(url, 6379).as_deref(), Some(expected), "{url}");
        }
        assert_eq!(host("postgres:///test?host=/run", 5432), None);
        assert_eq!(host("127.0.0.1:6379", 6379), None);
    }
}
