//! Deliveries of nine providers, genuine, forged and broken. Nothing panics; nothing is accepted
//! without a proof that another HMAC agrees with; a genuine delivery is accepted however its body
//! is cut; and one byte changed in its body, its proof or its signed time makes it refused.
#![no_main]

use std::time::{Duration, SystemTime};

use arbitrary::Arbitrary;
use countersign::RejectionKind;
use countersign::testing::Signer;
use countersign_fuzz::senders::{MAX_BODY, Proof, SENDERS, Sender};
use countersign_fuzz::{Cuts, NOW, NOW_TEXT, receive};
use libfuzzer_sys::fuzz_target;

type Header = (String, Vec<u8>);

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    sender: u8,
    cuts: Cuts,
    case: Case<'a>,
}

#[derive(Arbitrary, Debug)]
enum Case<'a> {
    Anything { headers: Vec<(Name<'a>, Value<'a>)>, body: &'a [u8] },
    Genuine(Genuine<'a>),
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Proof,
    PercherTime,
    HostwaresTime,
    StandardTime,
    StandardId,
    ContentLength,
    Other(&'a str),
}

/// A header's value: pieces, some of which a forger would love to have.
#[derive(Arbitrary, Debug)]
struct Value<'a>(Vec<Piece<'a>>);

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Prefix(u8),
    Now,
    GoodProof(u8),
    ProofOfAnother(u8),
    Raw(&'a [u8]),
}

#[derive(Arbitrary, Debug)]
struct Genuine<'a> {
    text: &'a str,
    old_secret: bool,
    id: u32,
    /// In seconds; negative in the future.
    age: i16,
    more: Vec<(&'a str, &'a [u8])>,
    change: Option<Change>,
}

#[derive(Arbitrary, Debug)]
struct Change {
    place: Place,
    at: u16,
    with: u8,
}

#[derive(Arbitrary, Debug)]
enum Place {
    Body,
    Proof,
    SignedTime,
}

fuzz_target!(|input: Input<'_>| {
    let sender = &SENDERS[usize::from(input.sender) % SENDERS.len()];
    match input.case {
        Case::Anything { headers, body } => anything(sender, headers, body, &input.cuts),
        Case::Genuine(genuine) => check_genuine(sender, genuine, &input.cuts),
    }
});

fn anything(sender: &Sender, wanted: Vec<(Name<'_>, Value<'_>)>, body: &[u8], cuts: &Cuts) {
    let mut headers: Vec<Header> = Vec::new();
    for (name, value) in wanted.into_iter().take(12) {
        let name = match name {
            Name::Proof => sender.header,
            Name::PercherTime => "x-percher-timestamp",
            Name::HostwaresTime => "X-Hostwares-Timestamp",
            Name::StandardTime => "Webhook-Timestamp",
            Name::StandardId => "webhook-id",
            Name::ContentLength => "content-length",
            Name::Other(name) => name,
        };
        let value = value.0.into_iter().take(8).fold(Vec::new(), |mut value, piece| {
            value.extend(piece.bytes(sender, &headers, &value, body));
            value
        });
        headers.push((name.to_owned(), value));
    }
    if let Ok(delivery) = receive(&sender.endpoint, &headers, cuts.chunks(body)) {
        assert!(sender.is_genuine(&headers, body), "accepted without proof: {headers:?}");
        assert_eq!(delivery.body(), body);
    }
}

impl Piece<'_> {
    fn bytes(self, sender: &Sender, headers: &[Header], so_far: &[u8], body: &[u8]) -> Vec<u8> {
        // A list header may hold the time before the proof.
        let mut headers = headers.to_vec();
        headers.push((sender.header.to_owned(), so_far.to_vec()));
        let pick = |proofs: Vec<Vec<u8>>, which: u8| {
            proofs.get(usize::from(which) % proofs.len().max(1)).cloned().unwrap_or_default()
        };
        match self {
            Self::Prefix(which) => {
                let all = ["sha256=", "v1=", "v1,", "t=", ",", " ", "Bearer ", "Basic "];
                all[usize::from(which) % all.len()].into()
            }
            Self::Now => NOW.to_string().into(),
            Self::GoodProof(which) => pick(sender.good_proofs(&headers, body), which),
            Self::ProofOfAnother(which) => pick(sender.good_proofs(&headers, b"{}"), which),
            Self::Raw(bytes) => bytes.to_vec(),
        }
    }
}

fn check_genuine(sender: &Sender, genuine: Genuine<'_>, cuts: &Cuts) {
    let Genuine { text, old_secret, id, age, more, change } = genuine;
    let body = serde_json::json!({
        "event": "deploy.failed", "timestamp": NOW_TEXT, "id": id, "text": text,
        "monitor": { "id": id },
    });
    let mut body = body.to_string().into_bytes();
    if body.len() > MAX_BODY {
        return;
    }
    let at = Duration::from_secs(NOW.saturating_add_signed(-i64::from(age)));
    let signed = Signer::new(&sender.provider, &sender.secrets[usize::from(old_secret)])
        .at(SystemTime::UNIX_EPOCH + at)
        .id(&format!("evt_{id}"))
        .sign(&body);
    let signed: Vec<Header> = signed.into_iter().map(|(n, v)| (n, v.into_bytes())).collect();
    assert!(sender.is_genuine(&signed, &body), "the signer and this test disagree: {signed:?}");

    let mut headers: Vec<Header> = Vec::new();
    let known = |name: &str| {
        signed.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
            || name.eq_ignore_ascii_case("content-length")
    };
    for (name, value) in more.into_iter().take(4).filter(|(name, _)| !known(name)) {
        headers.push((name.to_owned(), value.to_vec()));
    }
    headers.extend(signed.iter().cloned());

    let answer = receive(&sender.endpoint, &headers, cuts.chunks(&body));
    if sender.dates() && age.unsigned_abs() > 300 {
        let kind = if age > 0 { RejectionKind::Stale } else { RejectionKind::InTheFuture };
        assert_eq!(answer.map_err(|rejection| rejection.kind()).expect_err("old"), kind);
        return;
    }
    let delivery = answer.expect("genuine");
    assert_eq!(delivery.body(), &body);
    assert_eq!(delivery.secret_index(), usize::from(old_secret));
    assert_eq!(delivery.event_type(), Some("deploy.failed"));

    let Some(Change { place, at, with }) = change else { return };
    let changed = match place {
        Place::Body if !sender.signs() => return,
        Place::Body => &mut body,
        Place::Proof => value_of(&mut headers, sender.header),
        Place::SignedTime => match sender.proof {
            Proof::TimeBody(name) => value_of(&mut headers, name),
            Proof::Standard => value_of(&mut headers, "webhook-timestamp"),
            _ => return,
        },
    };
    let before = changed.clone();
    let at = usize::from(at) % changed.len();
    changed[at] = with;
    let same = match place {
        Place::Proof if sender.ignores_case(at, before.len()) => {
            before[at].eq_ignore_ascii_case(&changed[at])
        }
        _ => before[at] == changed[at],
    };
    if same {
        return;
    }
    let kind =
        receive(&sender.endpoint, &headers, cuts.chunks(&body)).map_err(|error| error.kind());
    match (place, kind) {
        (_, Ok(_)) => panic!("accepted with a changed byte: {headers:?}"),
        (Place::Body, Err(kind)) => assert_eq!(kind, RejectionKind::SignatureMismatch),
        _ => {}
    }
}

fn value_of<'h>(headers: &'h mut [Header], wanted: &str) -> &'h mut Vec<u8> {
    let mut values = headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
    values.next().map(|(_, value)| value).expect("it is signed")
}
