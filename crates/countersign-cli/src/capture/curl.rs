//! A curl command, as browsers and tunnels copy it.

use countersign::diagnosis::Request;

use super::{Capture, target};

/// Options that take a value and say nothing of the request.
const WITH_VALUE: [&str; 12] = [
    "-o",
    "--output",
    "-x",
    "--proxy",
    "--max-time",
    "-m",
    "--connect-timeout",
    "--retry",
    "--resolve",
    "--cacert",
    "-w",
    "--write-out",
];

pub(super) fn read(command: &str) -> Result<Capture, String> {
    let command = command.trim_start_matches("$ ");
    let mut words = words(command)?.into_iter().skip(1);
    let (mut method, mut url) = (None, None);
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut data: Option<Vec<u8>> = None;
    while let Some(word) = words.next() {
        let (name, mut value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => (word.clone(), None),
        };
        // `-XPOST` and `-H'Name: value'`.
        let (name, glued) = match name.split_at_checked(2) {
            Some((short @ ("-X" | "-H" | "-d" | "-A"), rest)) if !rest.is_empty() => {
                (short.to_owned(), Some(word.get(2..).unwrap_or_default().to_owned()))
            }
            _ => (name, None),
        };
        value = glued.or(value);
        let mut value =
            || value.take().or_else(|| words.next()).ok_or_else(|| format!("{name} has no value"));
        match &*name {
            "-X" | "--request" => method = Some(value()?),
            "-H" | "--header" => {
                let header = value()?;
                let (name, text) = header.split_once(':').unwrap_or((&header, ""));
                headers.push((name.trim().to_owned(), text.trim().as_bytes().to_vec()));
            }
            "-A" | "--user-agent" => headers.push(("User-Agent".to_owned(), value()?.into_bytes())),
            "-d" | "--data" | "--data-ascii" => {
                let text = file_or(value()?)?;
                // curl leaves line ends of files out here.
                let text = match text {
                    Data::File(bytes) => {
                        bytes.into_iter().filter(|byte| !b"\r\n".contains(byte)).collect()
                    }
                    Data::Given(bytes) => bytes,
                };
                add(&mut data, &text);
            }
            "--data-binary" => match file_or(value()?)? {
                Data::File(bytes) | Data::Given(bytes) => add(&mut data, &bytes),
            },
            "--json" => {
                match file_or(value()?)? {
                    Data::File(bytes) | Data::Given(bytes) => {
                        data.get_or_insert_default().extend(bytes)
                    }
                }
                headers.push(("Content-Type".to_owned(), b"application/json".to_vec()));
            }
            "--data-raw" => add(&mut data, value()?.as_bytes()),
            "--url" => url = Some(value()?),
            other if WITH_VALUE.contains(&other) => drop(value()?),
            other if other.starts_with('-') => {}
            _ => url = Some(word),
        }
    }
    let url = url.ok_or("the curl command has no URL")?;
    let url = if url.contains("://") { url } else { format!("http://{url}") };
    let request = Request::new(headers, data.unwrap_or_default())
        .method(method.as_deref().unwrap_or("POST"))
        .target(&target(&url));
    Ok(Capture { request, url: Some(url), at: None })
}

/// Several pieces of data are joined as fields of a form.
fn add(data: &mut Option<Vec<u8>>, more: &[u8]) {
    match data {
        Some(data) => {
            data.push(b'&');
            data.extend_from_slice(more);
        }
        None => *data = Some(more.to_vec()),
    }
}

enum Data {
    File(Vec<u8>),
    Given(Vec<u8>),
}

fn file_or(value: String) -> Result<Data, String> {
    match value.strip_prefix('@') {
        Some(path) => {
            let read = std::fs::read(path);
            read.map(Data::File).map_err(|error| format!("cannot read {path}: {error}"))
        }
        None => Ok(Data::Given(value.into_bytes())),
    }
}

/// The words of a command, as a POSIX shell or bash (`$'…'`) takes them.
fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = command.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next() {
                Some('\n') => {}
                Some('\r') => drop(rest.next_if_eq(&'\n')),
                Some(other) => word.get_or_insert_default().push(other),
                None => {}
            },
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a quote is not closed")? {
                        '\'' => break,
                        other => word.push(other),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next().ok_or("a quote is not closed")? {
                        '"' => break,
                        '\\' => match rest.next() {
                            Some('\n') => {}
                            Some(other @ ('"' | '\\' | '$' | '`')) => word.push(other),
                            Some(other) => word.extend(['\\', other]),
                            None => {}
                        },
                        other => word.push(other),
                    }
                }
            }
            '$' if rest.peek() == Some(&'\'') => {
                rest.next();
                escaped(&mut rest, word.get_or_insert_default())?;
            }
            other if other.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The inside of `$'…'`.
fn escaped(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    word: &mut String,
) -> Result<(), String> {
    let number = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>, most: usize| {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(digit) = rest.next_if(char::is_ascii_hexdigit)
        {
            digits.push(digit);
        }
        u32::from_str_radix(&digits, 16).ok()
    };
    loop {
        match rest.next().ok_or("a quote is not closed")? {
            '\'' => return Ok(()),
            '\\' => match rest.next().ok_or("a quote is not closed")? {
                'n' => word.push('\n'),
                'r' => word.push('\r'),
                't' => word.push('\t'),
                'x' => word.extend(number(rest, 2).and_then(char::from_u32)),
                'u' => {
                    let high = number(rest, 4).unwrap_or_default();
                    let unit = u16::try_from(high).unwrap_or_default();
                    // Half of a pair, whose other half follows.
                    if (0xd800..0xdc00).contains(&high) && rest.next_if_eq(&'\\').is_some() {
                        rest.next_if_eq(&'u');
                        let low = number(rest, 4).and_then(|low| u16::try_from(low).ok());
                        let pair = [unit, low.unwrap_or_default()];
                        word.extend(char::decode_utf16(pair).filter_map(Result::ok));
                    } else {
                        word.extend(char::from_u32(high));
                    }
                }
                other => word.push(other),
            },
            other => word.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_of_a_browser_is_read() {
        let command = r#"curl -X POST 'https://example.test/hooks?a=1' \
  -H 'Content-Type: application/json' -H"X-Signature: sha256=ab" \
  --compressed --data-raw $'{"a":"it\'s \u00e4\\n"}'"#;
        let capture = read(command).unwrap();
        assert_eq!(capture.request.method, "POST");
        assert_eq!(capture.request.target, "/hooks?a=1");
        assert_eq!(capture.request.body, "{\"a\":\"it's ä\\n\"}".as_bytes());
        assert_eq!(capture.request.headers[1].0, "X-Signature");
        assert_eq!(capture.url.as_deref(), Some("https://example.test/hooks?a=1"));
    }

    #[test]
    fn what_is_wrong_with_a_command_is_said() {
        assert_eq!(read("curl -H 'a: b'").unwrap_err(), "the curl command has no URL");
        assert_eq!(read("curl 'http://x").unwrap_err(), "a quote is not closed");
        assert_eq!(read("curl http://x -d").unwrap_err(), "-d has no value");
        assert!(read("curl http://x -d @/no/such/file").unwrap_err().contains("cannot read"));
    }
}
