//! What refusing and proving cost: no allocation (P7). Counted by this binary's allocator.

#![expect(unsafe_code, reason = "an allocator is unsafe to write; it only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bytes::Bytes;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{
    Endpoint, MemoryStore, Provider, ProviderBuilder, Receiver, RejectionKind, Signature,
};

use crate::methods::Sent;
use crate::support::{
    NOW_TEXT, Pairs, SECRET, build, endpoint, plain, secret, sign, standard, with, without,
};

/// The system's allocator, with a count for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

impl Counting {
    fn count() {
        // A thread that is ending has no count any more.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    }
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

/// How often this thread allocates in there.
fn allocations<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = COUNT.get();
    let value = work();
    (COUNT.get() - before, value)
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| std::hint::black_box(Box::new(1_u64))).0, 1);
    assert_eq!(allocations(|| std::hint::black_box(vec![0_u8; 100])).0, 1);
    assert_eq!(allocations(|| std::hint::black_box(String::from("x")) + &"y".repeat(99)).0, 3);
    assert_eq!(allocations(|| std::hint::black_box(1) + 1).0, 0);
    // Other threads' allocations are theirs.
    let other = std::thread::spawn(|| allocations(|| std::hint::black_box(Box::new(1))).0);
    assert_eq!(other.join().unwrap(), 1);
}

/// Stripe's way: the time and the signatures in one header.
fn stripe() -> Provider {
    let stripe = countersign::catalogue::by_id("stripe").unwrap();
    stripe.provider()
}

fn providers() -> [Provider; 9] {
    [
        stripe(),
        piora::provider(),
        hostwares::provider(),
        percher::provider(),
        pingara::provider(),
        pingara::bearer(),
        pingara::basic(),
        pakyas::provider(),
        standard(),
    ]
}

fn body() -> Bytes {
    let start = format!(r#"{{"id":"evt_1","event":"a","timestamp":"{NOW_TEXT}","data":""#);
    Bytes::from(start + &"x".repeat(5000) + "\"}")
}

/// Begins, pushes the body in one chunk, and proves. A body that is there already costs no more.
fn prove(endpoint: &Endpoint, headers: &Pairs, body: Bytes) -> (usize, Result<(), RejectionKind>) {
    let body_again = body.clone();
    let (count, result) = allocations(|| {
        let mut incoming = endpoint.begin(headers)?;
        incoming.push(body)?;
        incoming.prove()
    });
    let slice = body_again.as_ref();
    let (verifying, verified) = allocations(|| endpoint.verify(headers, slice));
    let kind = |rejection: &countersign::Rejection| rejection.kind();
    assert_eq!(verified.as_ref().err().map(kind), result.as_ref().err().map(kind));
    (count.max(verifying), result.map(drop).map_err(|rejection| rejection.kind()))
}

#[test]
fn proving_a_body_in_one_chunk_allocates_nothing() {
    for provider in providers() {
        let headers = sign(&provider, body());
        let one = endpoint(&provider);
        // An older secret costs another MAC and no memory.
        let two = Endpoint::builder("two", provider.clone())
            .secrets([secret("newer:secret"), secret(SECRET)])
            .clock(crate::support::clock_at(crate::support::NOW))
            .build()
            .unwrap();
        for endpoint in [one, two] {
            assert_eq!(prove(&endpoint, &headers, body()), (0, Ok(())), "{endpoint:?}");
        }
    }
}

#[test]
fn refusing_allocates_nothing() {
    use RejectionKind::*;
    for provider in providers() {
        let endpoint = endpoint(&provider);
        let headers = sign(&provider, body());
        let proof = headers.iter().map(|(name, _)| name.as_str()).find(|name| {
            ["signature", "secret", "authorization"].iter().any(|part| name.contains(part))
        });
        let proof = proof.unwrap().to_owned();
        let unsigned = without(headers.clone(), &proof);
        let malformed = with(headers.clone(), &proof, "");
        let mut repeated = headers.clone();
        repeated.push((proof, "x".repeat(1000)));
        for headers in [unsigned, malformed, repeated] {
            let (count, result) = allocations(|| endpoint.begin(&headers));
            assert_eq!((count, result.is_err()), (0, true), "{headers:?}");
        }
        let (count, result) = allocations(|| endpoint.begin(&Sent("GET", &headers)));
        assert_eq!((count, result.unwrap_err().kind()), (0, MethodNotAllowed));
        let long = with(headers.clone(), "content-length", "1048577");
        assert_eq!(prove(&endpoint, &long, body()), (0, Err(BodyTooLarge)));
        let large = Bytes::from(vec![b'x'; (1 << 20) + 1]);
        assert_eq!(prove(&endpoint, &headers, large), (0, Err(BodyTooLarge)));
        if !provider.name().starts_with("pingara") {
            let forged = Bytes::from_static(b"{}");
            assert_eq!(prove(&endpoint, &headers, forged), (0, Err(SignatureMismatch)));
        }
    }
    for (provider, name, time) in [
        (percher::provider(), "x-percher-timestamp", "1716477000"),
        (percher::provider(), "x-percher-timestamp", "soon"),
        (hostwares::provider(), "x-hostwares-timestamp", "soon"),
        (standard(), "webhook-id", ""),
    ] {
        let endpoint = endpoint(&provider);
        let headers = with(sign(&provider, body()), name, time);
        let (count, result) = allocations(|| endpoint.begin(&headers));
        assert_eq!((count, result.is_err()), (0, true), "{name}");
    }
}

#[test]
fn a_receiver_refuses_a_head_without_allocating() {
    let receiver = Receiver::new(endpoint(&piora::provider()), MemoryStore::new());
    let none: Pairs = Vec::new();
    let wrong = vec![("x-piora-signature".to_owned(), "sha256=00".to_owned())];
    for headers in [none, wrong] {
        // The first time, whoever traces is asked whether it wants to hear of such things.
        receiver.begin(&headers).unwrap_err();
        let (count, result) = allocations(|| receiver.begin(&headers));
        assert_eq!((count, result.is_err()), (0, true));
    }
}

#[test]
fn a_declared_length_reserves_nothing() {
    let endpoint = build(&plain(), |endpoint| endpoint.max_body(1 << 40));
    let headers = with(sign(&plain(), "ab"), "content-length", (1_u64 << 40).to_string());
    let (a, b) = (Bytes::from_static(b"a"), Bytes::from_static(b"b"));
    let (count, refused) = allocations(|| {
        let mut incoming = endpoint.begin(&headers).unwrap();
        incoming.push(a).unwrap();
        incoming.push(b).unwrap();
        incoming.prove().unwrap_err()
    });
    assert_eq!(refused.kind(), RejectionKind::BodyIncomplete);
    // The two chunks joined.
    assert!((1..=2).contains(&count), "{count}");
}

#[test]
fn a_body_in_one_chunk_is_not_copied() {
    let body = body();
    let endpoint = endpoint(&plain());
    let mut incoming = endpoint.begin(&sign(&plain(), &body)).unwrap();
    incoming.push(Bytes::new()).unwrap();
    incoming.push(body.clone()).unwrap();
    incoming.push(Bytes::new()).unwrap();
    let delivery = incoming.finish().unwrap();
    assert_eq!(delivery.body().as_ptr(), body.as_ptr());
}

/// What is known of a delivery, behind one pointer. Its type and its id stay in the body.
#[test]
fn opening_allocates_once() {
    for provider in [piora::provider(), hostwares::provider()] {
        let endpoint = endpoint(&provider);
        let mut incoming = endpoint.begin(&sign(&provider, body())).unwrap();
        incoming.push(body()).unwrap();
        let proven = incoming.prove().unwrap();
        let (count, delivery) = allocations(|| proven.open());
        assert_eq!((count, delivery.unwrap().event_type()), (1, Some("a")));
    }
}

/// Who sends JSON does not pay for those who send forms.
#[test]
fn what_else_a_provider_may_send_costs_json_nothing() {
    let count = |change: fn(ProviderBuilder) -> ProviderBuilder| {
        let provider = Provider::builder("acme").hmac_sha256(Signature::header("X-Signature"));
        let provider = change(provider.event_type("event").event_id("id")).build().unwrap();
        let endpoint = endpoint(&provider);
        let mut incoming = endpoint.begin(&sign(&provider, body())).unwrap();
        incoming.push(body()).unwrap();
        let proven = incoming.prove().unwrap();
        let (count, delivery) = allocations(|| proven.open());
        assert_eq!(delivery.unwrap().body(), &body());
        count
    };
    let plain = count(|provider| provider);
    assert_eq!(count(|provider| provider.form().form_field("payload").json_array()), plain);
    assert_eq!(count(ProviderBuilder::not_only_json), plain);
}

/// What proving one delivery of a row may allocate, and why.
fn allowed(id: &str, public_url: &str) -> std::ops::RangeInclusive<usize> {
    match id {
        // A form's fields are sorted; at most 2000 of them.
        "mandrill" | "twilio" | "twilio-shared-key" => 1..=16,
        // Its URL has the body's hash in it, and both are kept.
        "twilio-json" => 1..=1,
        // A URL that is longer than the room for the parts of a head.
        _ if public_url.len() > 100 && SIGN_THE_URL.contains(&id) => 1..=1,
        _ => 0..=0,
    }
}

const SIGN_THE_URL: &[&str] =
    &["hubspot", "mandrill", "square", "trello", "twilio", "twilio-json", "twilio-shared-key"];

/// Every row that signs with HMAC, with a URL that is short and one that is long.
#[test]
fn rows_of_the_catalogue_allocate_as_little() {
    // Text, hex and base64.
    let key = secret("abcdef0123456789abcdef0123456789");
    let long = format!("https://hooks.example.test/{}", "x".repeat(300));
    let (mut signed_urls, mut wrong) = (Vec::new(), Vec::new());
    for preset in countersign::catalogue::all() {
        let (id, provider) = (preset.id(), preset.provider());
        // The Signer does not write the list of names that Hook0 has in its header.
        if !provider.describe_proof().starts_with("hmac_") || id == "coinbase-cdp" {
            continue;
        }
        for public_url in ["https://hooks.example.test", &long] {
            let endpoint = Endpoint::builder(id, provider.clone())
                .secret(key.clone())
                .clock(crate::support::clock_at(crate::support::NOW));
            let endpoint = endpoint.public_url(public_url).build().unwrap();
            let body = if allowed(id, "").end() > &1 { "A=1&B=2" } else { r#"{"a":1}"# };
            let digest = countersign::testing::sha256_hex(body.as_bytes());
            let target = format!("/in?bodySHA256={digest}");
            let signer = countersign::testing::Signer::new(&provider, &key)
                .at(crate::support::moment(crate::support::NOW))
                .header("Framer-Webhook-Submission-Id", "1")
                .header("x-sinch-webhook-signature-nonce", "1")
                .header("x-contentful-signed-headers", "X-Contentful-Timestamp,x-a")
                .header("x-a", "1");
            let mut signer = signer.url(public_url, &target);
            if id == "contentful" {
                // The Signer asks for the time's header before it is there.
                let time = (crate::support::NOW * 1000).to_string();
                signer = signer.at_text(&time);
            }
            let headers = signer.sign(body);
            let head =
                countersign::HeadParts { method: "POST", target: &target, headers: &headers };
            let (genuine, forged) = (Bytes::from(body), Bytes::from(body.replace('1', "2")));
            for (body, proven) in [(genuine, true), (forged, false)] {
                let (verifying, verified) = allocations(|| endpoint.verify(&head, &body));
                assert_eq!(verified.is_ok(), proven, "{id}: {verified:?}");
                let (count, result) = allocations(|| {
                    let mut incoming = endpoint.begin(&head)?;
                    incoming.push(body)?;
                    incoming.prove()
                });
                let count = count.max(verifying);
                assert_eq!(result.is_ok(), proven, "{id}: {result:?}");
                let allowed = allowed(id, public_url);
                if !allowed.contains(&count) {
                    wrong.push(format!("{id}: {count}, and not {allowed:?}"));
                }
            }
        }
        if provider_signs_the_url(&provider) {
            signed_urls.push(id);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    signed_urls.sort_unstable();
    assert_eq!(signed_urls, SIGN_THE_URL);
}

fn provider_signs_the_url(provider: &Provider) -> bool {
    let key = secret("abcdef0123456789abcdef0123456789");
    let built = Endpoint::builder("x", provider.clone()).secret(key).build();
    matches!(built, Err(countersign::ConfigError::NoPublicUrl { .. }))
}

/// A head without a signature costs a look-up, also where the URL is signed.
#[test]
fn unsigned_heads_of_rows_allocate_nothing() {
    let none: Pairs = Vec::new();
    for preset in countersign::catalogue::all() {
        let key = secret("abcdef0123456789abcdef0123456789");
        let builder = Endpoint::builder(preset.id(), preset.provider()).secret(key);
        // The others want a public key or credentials.
        let Ok(endpoint) = builder.public_url("https://hooks.example.test").build() else {
            continue;
        };
        let (count, result) = allocations(|| endpoint.begin(&none));
        assert_eq!((count, result.is_err()), (0, true), "{}", preset.id());
    }
}
