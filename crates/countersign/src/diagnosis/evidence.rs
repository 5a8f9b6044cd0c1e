//! What can be said where nothing that is undone makes the signature right.

use super::cause::Cause;
use super::change::{Change, change};
use super::headers::proof_headers;
use super::request::{Head, Request, header_text};
use super::times;
use crate::known_name::KnownName;
use crate::provider::{Provider, TimeSource};
use crate::request_head::{Lookup, RequestHead as _};

/// The one cause that the request itself shows, or that nothing explains it.
pub(super) fn of(request: &Request, head: &Head, provider: &Provider) -> Change {
    missing(head, provider)
        .or_else(|| body(request))
        .or_else(|| cut_signature(head, provider))
        .unwrap_or_else(|| unexplained(provider))
}

/// What is missing from the head.
fn missing(head: &Head, provider: &Provider) -> Option<Change> {
    let is_there = |name: &str| head.lookup(name) != Lookup::Missing;
    let names = proof_headers(provider);
    if !names.iter().any(|name| is_there(name)) {
        let says = format!(
            "There is no {} header: no secret is set at the sender, or something on the way dropped \
             the header.",
            names.first().map_or("signature", |name| name)
        );
        return Some(change(Cause::HeaderMissing, says));
    }
    let spec = provider.spec();
    if let Some(TimeSource::Header { time, .. }) = &spec.time
        && time.read(head) == Err(crate::RejectionKind::TimestampMissing)
    {
        return Some(times::missing(time));
    }
    let others = spec.id_header.iter().map(KnownName::as_str).chain(spec.scheme.content.headers());
    let families = spec.families.as_ref();
    let lacking = others.into_iter().find(|name| {
        let found = match families.map(|families| families.read(head)) {
            Some(Ok(head)) => head.lookup(name) != Lookup::Missing,
            _ => is_there(name),
        };
        !found
    })?;
    let says = format!("There is no {lacking} header, and it is part of what is signed.");
    Some(change(Cause::HeaderMissing, says))
}

/// Whether the body is gone or cut.
pub(super) fn body(request: &Request) -> Option<Change> {
    /// What is left where a middleware has parsed an empty body, or printed an object.
    const LEFT: [&[u8]; 6] = [b"{}", b"null", b"\"\"", b"undefined", b"[object Object]", b"None"];
    let declared = request.declared_length();
    let body = &*request.body;
    let is_chunked = header_text(&request.headers, "transfer-encoding").is_some();
    let is_longer = declared.is_some_and(|declared| declared > body.len() as u64);
    let declared = declared.unwrap_or_default();
    if body.is_empty() && (is_longer || is_chunked) {
        let says = match is_longer {
            true => format!(
                "The body is empty although Content-Length names {declared} bytes: something before \
                 the check has read it."
            ),
            false => "The body is empty although the request announces one: something before the \
                      check has read it."
                .to_owned(),
        };
        return Some(change(Cause::BodyEmpty, says));
    }
    if is_longer && LEFT.contains(&body) {
        let says = format!(
            "The body is only `{}` although Content-Length names {declared} bytes: something before \
             the check has read it.",
            String::from_utf8_lossy(body)
        );
        return Some(change(Cause::BodyEmpty, says));
    }
    is_longer.then(|| {
        let says = format!(
            "The body was cut: Content-Length names {declared} bytes and {} are here.",
            body.len()
        );
        change(Cause::BodyTruncated, says)
    })
}

/// A signature of a fixed length that is shorter, where the right one cannot be computed.
fn cut_signature(head: &Head, provider: &Provider) -> Option<Change> {
    let proof = provider.spec().scheme.proofs.first()?;
    let (signature, length) = (proof.signature()?, proof.length()?);
    if !proof.takes_public_keys() || signature.list.is_some() {
        return None;
    }
    let name = signature.headers.first()?.as_str();
    let values = head.values(name);
    let [value] = &*values else { return None };
    let shown = value.strip_prefix(signature.own_prefix().as_bytes())?;
    let whole = signature.encoding.encode(&vec![0; length]).len();
    let is_text = shown.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(byte));
    (is_text && !shown.is_empty() && shown.len() < whole).then(|| {
        let says = format!(
            "The signature in {name} has {} characters, and a whole one has {whole}.",
            shown.len()
        );
        change(Cause::HeaderTruncated, says)
    })
}

fn unexplained(provider: &Provider) -> Change {
    let says = if provider.spec().scheme.covers_content() {
        "Nothing explains the mismatch: the secret is another one than the sender's, or the content of \
         the body is not what was sent (no change of spelling makes it right)."
    } else {
        "The token is another one than the configured secret."
    };
    change(Cause::SecretWrong, says)
}
