//! A body that is shorter than its declared length broke off, whatever the server made of it.

use bytes::Bytes;
use countersign::RejectionKind::{BodyIncomplete, BodyTooLarge};
use countersign::providers::{hostwares, percher, pingara, piora};
use countersign::{Provider, Rejection};

use crate::support::{NOW_TEXT, Pairs, assert_refused, build, endpoint, sign, with};

fn body() -> String {
    format!(
        r#"{{"id":"evt_1","event":"server.alert","timestamp":"{NOW_TEXT}","monitor":{{"id":"m"}}}}"#
    )
}

/// Gives the endpoint this much of the body, in two chunks.
fn prove(provider: &Provider, headers: &Pairs, body: &str) -> Result<Bytes, Rejection> {
    let mut incoming = endpoint(provider).begin(headers)?;
    let (first, second) = body.split_at(body.len() / 2);
    incoming.push(Bytes::copy_from_slice(first.as_bytes()))?;
    incoming.push(Bytes::copy_from_slice(second.as_bytes()))?;
    incoming.prove().map(|proven| proven.body().clone())
}

fn providers() -> [Provider; 6] {
    [
        piora::provider(),
        hostwares::provider(),
        percher::provider(),
        pingara::provider(),
        pingara::bearer(),
        pingara::basic(),
    ]
}

/// A token covers nothing of a body, so nothing else would find out.
#[test]
fn a_body_shorter_than_declared_is_incomplete() {
    for provider in providers() {
        let whole = body();
        for kept in [0, 1, whole.len() - 1] {
            // Signed as it arrives, so that the length alone is wrong.
            let part = whole.get(..kept).unwrap();
            let headers = with(sign(&provider, part), "content-length", whole.len().to_string());
            let status = if provider.is_final_on_4xx() { 503 } else { 400 };
            let refused = prove(&provider, &headers, part);
            assert_refused(refused, BodyIncomplete, status, "body_incomplete");
        }
        let headers = with(sign(&provider, whole.as_str()), "Content-Length", " 00"); // no length
        assert!(prove(&provider, &headers, &whole).is_ok(), "{}", provider.name());
        let headers =
            with(sign(&provider, whole.as_str()), "Content-Length", whole.len().to_string());
        assert_eq!(prove(&provider, &headers, &whole).unwrap(), whole);
    }
}

/// A layer that unpacks the body may leave the length of the packed one, which can be longer.
#[test]
fn a_packed_bodys_length_says_nothing() {
    for encoding in ["gzip", "identity", ""] {
        let headers = with(sign(&pingara::provider(), "{}"), "content-length", "22");
        let headers = with(headers, "content-encoding", encoding);
        assert_eq!(prove(&pingara::provider(), &headers, "{}").unwrap(), "{}", "{encoding}");
    }
}

/// It still holds the body to the limit.
#[test]
fn a_packed_bodys_length_is_held_to_the_limit() {
    let headers = with(sign(&pingara::provider(), "{}"), "content-encoding", "gzip");
    let headers = with(headers, "content-length", "101");
    let small = build(&pingara::provider(), |endpoint| endpoint.max_body(100));
    assert_refused(small.begin(&headers), BodyTooLarge, 413, "body_too_large");
}
