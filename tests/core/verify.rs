//! `Endpoint::verify`: a delivery whose body is there already. `support::deliver` and the differential
//! test hold it against the way of a body that arrives; here is what it tells.

use countersign::RejectionKind::*;
use countersign::providers::{percher, pingara, piora};
use countersign::{Endpoint, Provider, Signature, Timestamp};

use crate::methods::Sent;
use crate::support::{
    NOW, SECRET, build, clock_at, endpoint, endpoint_at, moment, plain, refused, secret, sign, with,
};

#[test]
fn it_tells_which_secret_matched_and_the_proven_time() {
    let provider = percher::provider();
    let endpoint = Endpoint::builder("two", provider.clone())
        .secrets([secret("newer"), secret(SECRET).labeled("2025")])
        .clock(clock_at(NOW))
        .build()
        .unwrap();
    let headers = sign(&provider, "{}");
    let verified = endpoint.verify(&headers, b"{}").unwrap();
    assert_eq!((verified.secret_index(), verified.secret_label()), (1, Some("2025")));
    assert_eq!(verified.time(), Some(moment(NOW).into()));
    let shown = format!("{verified:?}");
    assert!(shown.contains("two") && !shown.contains(SECRET), "{shown}");
}

/// A time outside of the proof is held against the window, and never given as proven.
#[test]
fn a_time_that_is_not_proven_is_not_told() {
    let provider = Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Signature"))
        .unsigned_timestamp(Timestamp::header("X-Time"))
        .build()
        .unwrap();
    let headers = with(sign(&provider, "{}"), "X-Time", NOW.to_string());
    assert_eq!(endpoint(&provider).verify(&headers, b"{}").unwrap().time(), None);
    let later = endpoint_at(&provider, NOW + 3600);
    assert_eq!(refused(later.verify(&headers, b"{}")), Stale);
}

#[test]
fn it_refuses_what_the_other_way_refuses() {
    let small = build(&plain(), |endpoint| endpoint.max_body(10));
    let headers = sign(&plain(), "0123456789");
    assert!(small.verify(&headers, b"0123456789").is_ok());
    assert_eq!(refused(small.verify(&headers, b"0123456789a")), BodyTooLarge);
    assert_eq!(refused(small.verify(&headers, b"012345678")), SignatureMismatch);
    assert_eq!(refused(small.verify(&Sent("PUT", &headers), b"0123456789")), MethodNotAllowed);
    let declares = |length: &str| with(headers.clone(), "content-length", length);
    assert!(small.verify(&declares("10"), b"0123456789").is_ok());
    assert_eq!(refused(small.verify(&declares("11"), b"0123456789")), BodyTooLarge);
    let token = pingara::provider();
    let headers = with(sign(&token, "{}"), "content-length", "3");
    assert_eq!(refused(endpoint(&token).verify(&headers, b"{}")), BodyIncomplete);
    assert!(endpoint(&token).verify(&headers, b"{} ").is_ok());
    let packed = with(headers, "content-encoding", "gzip");
    assert!(endpoint(&token).verify(&packed, b"{}").is_ok());
}

/// It is the proof alone, as its documentation says: the body is not read, and nothing is remembered.
#[test]
fn it_neither_reads_the_body_nor_remembers() {
    let provider = piora::provider();
    let endpoint = endpoint(&provider);
    let headers = sign(&provider, "no JSON");
    for _ in 0..2 {
        assert!(endpoint.verify(&headers, b"no JSON").is_ok());
    }
}
