//! A HAR file (HTTP Archive 1.2), or one entry of it.

use base64::Engine as _;
use countersign::diagnosis::Request;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Capture, target};

#[derive(Deserialize)]
struct Har {
    log: Log,
}

#[derive(Deserialize)]
struct Log {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: Option<String>,
    request: Sent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: String,
    /// Some programs write `base64` here, which the format does not have.
    encoding: Option<String>,
}

pub(super) fn read(bytes: &[u8], entry: Option<usize>) -> Result<Capture, String> {
    let entries = match serde_json::from_slice::<Har>(bytes) {
        Ok(har) => har.log.entries,
        Err(error) => match serde_json::from_slice::<Entry>(bytes) {
            Ok(entry) => vec![entry],
            Err(_) => return Err(format!("this is JSON, but no HAR file: {error}")),
        },
    };
    let count = entries.len();
    let chosen = match entry {
        Some(number) => number.checked_sub(1).and_then(|at| entries.get(at)).ok_or_else(|| {
            format!("--entry {number}: the file has {count} requests, counted from 1")
        })?,
        None => {
            let last_post = entries.iter().rfind(|entry| entry.request.method == "POST");
            last_post.or(entries.last()).ok_or("the HAR file has no request")?
        }
    };
    let sent = &chosen.request;
    let body = match &sent.post_data {
        Some(PostData { text, encoding: Some(encoding) }) if encoding == "base64" => {
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|error| format!("the body is said to be base64: {error}"))?
        }
        Some(PostData { text, .. }) => text.clone().into_bytes(),
        None => Vec::new(),
    };
    let headers = sent.headers.iter().map(|pair| (pair.name.clone(), pair.value.clone()));
    let request = Request::new(headers, body).method(&sent.method).target(&target(&sent.url));
    let at = chosen.started_date_time.as_deref();
    let at = at.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok()).map(Into::into);
    Ok(Capture { request, url: Some(sent.url.clone()), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_post_is_taken_unless_another_is_asked_for() {
        let har = br#"{"log":{"entries":[
            {"request":{"method":"POST","url":"https://a.test/1?x=2","headers":[{"name":"A","value":"1"}],
             "postData":{"mimeType":"application/json","text":"{}"}}},
            {"startedDateTime":"2026-11-02T08:15:04.000Z",
             "request":{"method":"POST","url":"https://a.test/2","postData":{"text":"e30K","encoding":"base64"}}},
            {"request":{"method":"GET","url":"https://a.test/3"}}]}}"#;
        let last = read(har, None).unwrap();
        assert_eq!((&*last.request.target, &*last.request.body), ("/2", &b"{}\n"[..]));
        assert!(last.at.is_some());
        let first = read(har, Some(1)).unwrap();
        assert_eq!((&*first.request.target, &*first.request.body), ("/1?x=2", &b"{}"[..]));
        assert!(read(har, Some(4)).unwrap_err().contains("3 requests"));
        assert!(read(b"{}", None).unwrap_err().contains("no HAR"));
    }
}
