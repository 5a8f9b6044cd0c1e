//! The keys that the command line asks about.

use std::collections::HashSet;
use std::io::BufRead;

use countersign::EventKey;
use serde::Deserialize;

/// What is read of a line that `listen` or `parked` has printed.
#[derive(Deserialize)]
struct Line {
    key: Option<String>,
    endpoint: Option<String>,
    provider: Option<String>,
}

/// The key that is written here.
pub(super) fn one(text: &str) -> Result<EventKey, String> {
    text.parse().map_err(|error| format!("{text:?} is not a key: {error}"))
}

/// The keys that are given, or where `-` is, those on stdin, without repetitions. `endpoint` is
/// whose lines count.
pub(super) fn all(
    given: &[String],
    stdin: impl BufRead,
    endpoint: Option<&str>,
) -> Result<Vec<EventKey>, String> {
    let mut stdin = Some(stdin);
    let (mut keys, mut seen) = (Vec::new(), HashSet::new());
    for given in given {
        let read = match stdin.take_if(|_| given == "-") {
            None => vec![one(given)?],
            Some(stdin) => read(stdin, endpoint)?,
        };
        keys.extend(read.into_iter().filter(|key| seen.insert(*key)));
    }
    Ok(keys)
}

fn read(stdin: impl BufRead, endpoint: Option<&str>) -> Result<Vec<EventKey>, String> {
    let mut keys = Vec::new();
    for (line, number) in stdin.lines().zip(1_u64..) {
        let line = line.map_err(|error| format!("cannot read stdin: {error}"))?;
        let in_line = |what: String| format!("line {number} of stdin: {what}");
        let line = line.trim();
        if line.starts_with('{') {
            let line: Line =
                serde_json::from_str(line).map_err(|error| in_line(error.to_string()))?;
            // A delivery that was refused has none.
            let of = line.endpoint.or(line.provider);
            let wanted = endpoint.is_none() || of.as_deref() == endpoint;
            if let Some(key) = line.key.filter(|_| wanted) {
                keys.push(one(&key).map_err(in_line)?);
            }
        } else if !line.is_empty() {
            if endpoint.is_some() {
                return Err(in_line("--endpoint needs JSON lines, which name it".to_owned()));
            }
            keys.push(one(line).map_err(in_line)?);
        }
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "4516429cf007aae5bcadde7a4ace7897";
    const B: &str = "00000000000000000000000000000001";

    fn keys(given: &[&str], stdin: &str, endpoint: Option<&str>) -> Result<Vec<String>, String> {
        let given: Vec<_> = given.iter().map(ToString::to_string).collect();
        let keys = all(&given, stdin.as_bytes(), endpoint)?;
        Ok(keys.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn keys_come_from_arguments_and_lines_once_each() {
        let lines = format!(
            "{{\"provider\":\"x\",\"key\":\"{A}\",\"payload\":{{\"key\":1}}}}\n\n{{\"key\":null}}\r\n{B}\n"
        );
        assert_eq!(keys(&[B, "-", A], &lines, None).unwrap(), [B, A]);
        assert_eq!(keys(&[&A.to_uppercase()], "", None).unwrap(), [A]);
        assert_eq!(keys(&["-"], "", None).unwrap(), [""; 0]);
    }

    #[test]
    fn an_endpoint_chooses_among_json_lines() {
        let lines = format!(
            "{{\"provider\":\"x\",\"key\":\"{A}\"}}\n{{\"endpoint\":\"y\",\"key\":\"{B}\"}}\n\
             {{\"provider\":\"y\",\"endpoint\":\"y-us\",\"key\":\"{A}\"}}\n\
             {{\"provider\":null,\"key\":null}}"
        );
        assert_eq!(keys(&["-"], &lines, Some("y")).unwrap(), [B]);
        let error = keys(&["-"], A, Some("y")).unwrap_err();
        assert!(error.contains("line 1") && error.contains("JSON"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_named_with_its_line() {
        for (lines, number) in [("xyz", 1), (&*format!("{A}\n{A}0"), 2), ("{\"key\":7}", 1)] {
            let error = keys(&["-"], lines, None).unwrap_err();
            assert!(error.contains(&format!("line {number} of stdin")), "{error}");
        }
        for text in ["", "é516429cf007aae5bcadde7a4ace789", "0x16429cf007aae5bcadde7a4ace7897ab"] {
            assert!(keys(&[text], "", None).unwrap_err().contains("32 hex digits"), "{text}");
        }
        // The second `-` has no more stdin.
        assert!(keys(&["-", "-"], A, None).is_err());
    }
}
