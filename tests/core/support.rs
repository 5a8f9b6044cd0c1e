//! What the other modules share: times, small providers, and the way of one delivery.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{
    Clock, Delivery, Endpoint, EndpointBuilder, ManualClock, Part, Provider, Rejection,
    RejectionKind, RequestHead, Secret, Signature, SystemClock, Timestamp,
};

/// 2026-05-23T14:30:00Z, the moment of most deliveries here.
pub(crate) const NOW: u64 = 1_779_546_600;
/// [`NOW`] as the body of a delivery writes it.
pub(crate) const NOW_TEXT: &str = "2026-05-23T14:30:00Z";
/// The secret of most endpoints here; with its colon it will do for Basic credentials too.
pub(crate) const SECRET: &str = "correct:horse-battery-staple";

pub(crate) type Pairs = Vec<(String, String)>;

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A moment in unix seconds.
pub(crate) fn moment(unix: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + seconds(unix)
}

pub(crate) fn clock_at(unix: u64) -> ManualClock {
    ManualClock::at(moment(unix))
}

/// A clock whose time of day stands, while durations are measured as usual.
pub(crate) struct Day(pub(crate) u64);

impl Clock for Day {
    fn now(&self) -> SystemTime {
        moment(self.0)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// An endpoint whose clock stands at [`NOW`].
pub(crate) fn endpoint(provider: &Provider) -> Endpoint {
    build(provider, |endpoint| endpoint)
}

/// The same with settings.
pub(crate) fn build(
    provider: &Provider,
    settings: impl FnOnce(EndpointBuilder) -> EndpointBuilder,
) -> Endpoint {
    let builder =
        Endpoint::builder(provider.name(), provider.clone()).secret(secret(SECRET)).clock(Day(NOW));
    settings(builder).build().unwrap()
}

/// The same at another time.
pub(crate) fn endpoint_at(provider: &Provider, unix: u64) -> Endpoint {
    build(provider, |endpoint| endpoint.clock(clock_at(unix)))
}

/// `X-Signature: <hex of the MAC over the body>` and nothing else.
pub(crate) fn plain() -> Provider {
    Provider::builder("plain").hmac_sha256(Signature::header("X-Signature")).build().unwrap()
}

/// In the manner of Standard Webhooks, with plain secrets: id, time and body under the MAC, and a
/// list of base64 signatures.
pub(crate) fn standard() -> Provider {
    Provider::builder("standard")
        .hmac_sha256(Signature::header("webhook-signature").prefix("v1,").base64().separator(' '))
        .signed_content([
            Part::Id,
            Part::literal("."),
            Part::Timestamp,
            Part::literal("."),
            Part::Body,
        ])
        .timestamp(Timestamp::header("webhook-timestamp"))
        .event_id_header("webhook-id")
        .build()
        .unwrap()
}

/// The headers that the provider would send at [`NOW`] with [`SECRET`].
pub(crate) fn sign(provider: &Provider, body: impl AsRef<[u8]>) -> Pairs {
    Signer::new(provider, &secret(SECRET)).at(moment(NOW)).sign(body)
}

/// The headers with one changed, or added.
pub(crate) fn with(mut headers: Pairs, name: &str, value: impl Into<String>) -> Pairs {
    let value = value.into();
    match headers.iter_mut().find(|(other, _)| other.eq_ignore_ascii_case(name)) {
        Some((_, old)) => *old = value,
        None => headers.push((name.to_owned(), value)),
    }
    headers
}

/// The headers less one, which must be there.
pub(crate) fn without(mut headers: Pairs, name: &str) -> Pairs {
    let before = headers.len();
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    assert_eq!(headers.len(), before - 1, "{name}");
    headers
}

pub(crate) fn value<'a>(headers: &'a Pairs, name: &str) -> &'a str {
    let found = headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    &found.unwrap_or_else(|| panic!("no header {name}")).1
}

/// Steps 1 to 4, the body in one chunk. A body that is there already is judged in the same way.
pub(crate) fn deliver(
    endpoint: &Endpoint,
    headers: &(impl RequestHead + ?Sized),
    body: impl AsRef<[u8]>,
) -> Result<Delivery, Rejection> {
    let body = body.as_ref();
    let prove = || {
        let mut incoming = endpoint.begin(headers)?;
        incoming.push(Bytes::copy_from_slice(body))?;
        incoming.prove()
    };
    let proven = prove();
    let answer = |refused: &Rejection| (refused.kind(), refused.status());
    let verified = endpoint.verify(headers, body);
    assert_eq!(verified.as_ref().err().map(answer), proven.as_ref().err().map(answer));
    let delivery = proven?.open()?;
    assert_eq!(verified?.secret_index(), delivery.secret_index());
    Ok(delivery)
}

/// Signs the body as the endpoint's provider would, and delivers it.
pub(crate) fn deliver_signed(
    endpoint: &Endpoint,
    body: impl AsRef<[u8]>,
) -> Result<Delivery, Rejection> {
    let headers = sign(endpoint.provider(), &body);
    deliver(endpoint, &headers, body)
}

/// Checks everything that a sender is answered.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(
    result: Result<T, Rejection>,
    kind: RejectionKind,
    status: u16,
    code: &str,
) {
    let rejection = result.unwrap_err();
    assert_eq!(rejection.kind(), kind);
    assert_eq!((rejection.status(), rejection.code()), (status, code));
    assert_eq!(rejection.body(), format!(r#"{{"error":"{code}"}}"#));
}

/// The kind of the refusal.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Rejection>) -> RejectionKind {
    result.unwrap_err().kind()
}

/// Runs a future that has nothing to wait for.
pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text}");
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Decodes the base64 of the fixtures.
pub(crate) fn from_base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = text.trim_end_matches('=');
    let bits: String = text
        .chars()
        .map(|character| format!("{:06b}", ALPHABET.find(character).expect("not base64")))
        .collect();
    let bytes = bits.as_bytes().chunks_exact(8);
    bytes.map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap()).collect()
}

#[test]
fn the_decoders_are_right() {
    assert_eq!(from_hex("00ff1A"), [0, 0xff, 0x1a]);
    assert_eq!(hex(&[0, 0xff, 0x1a]), "00ff1a");
    // RFC 4648 §10.
    for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9vYmFy", "foobar")] {
        assert_eq!(from_base64(text), bytes.as_bytes());
    }
}
