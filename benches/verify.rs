//! Verification alone: from an `http::HeaderMap` and a body in one chunk to the proof, against the
//! bare MAC over the same bytes. With feature `peers`, the rivals on the same input.

use std::hint::black_box;

use bytes::Bytes;
use countersign::{Endpoint, Provider, Secret, Signature};
use countersign_benches::event::Events;
use countersign_benches::headers::{HttpHeaders, with};
use countersign_benches::service::{SIGNATURE, endpoint};
use countersign_benches::verify::{finish, prove};
use countersign_benches::{BareMac, SECRET};
use criterion::{
    BatchSize, Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};

/// Measures `verify`, which is given a body of its own every time.
fn handed(bench: &mut Bencher<'_>, body: &Bytes, verify: impl Fn(Bytes) -> bool) {
    assert!(verify(body.clone()));
    bench.iter_batched(|| body.clone(), verify, BatchSize::SmallInput);
}

fn by_size(criterion: &mut Criterion) {
    let (endpoint, bare) = (endpoint(), BareMac::new());
    let mut group = criterion.benchmark_group("verify");
    for size in [256, 1024, 16 * 1024, 64 * 1024] {
        let mut events = Events::of_size(size);
        let body = events.next_body();
        assert_eq!(body.len(), size);
        let headers = with(size, [(SIGNATURE, events.signature(&body))]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::new("bare MAC", size), |bench| {
            bench.iter(|| bare.of(black_box(&body)));
        });
        group.bench_function(BenchmarkId::new("prove", size), |bench| {
            handed(bench, &body, |body| prove(&endpoint, black_box(&headers), body));
        });
        group.bench_function(BenchmarkId::new("verify", size), |bench| {
            bench.iter(|| endpoint.verify(&HttpHeaders(black_box(&headers)), &body).is_ok());
        });
        group.bench_function(BenchmarkId::new("finish", size), |bench| {
            handed(bench, &body, |body| finish(&endpoint, black_box(&headers), body));
        });
    }
    group.finish();
}

fn secrets_and_candidates(criterion: &mut Criterion) {
    let provider = || {
        let signature = Signature::header("x-signature").prefix("v1=").separator(',');
        Provider::builder("list").hmac_sha256(signature).build().expect("sound")
    };
    let secret = |text: &str| Secret::new(text).expect("not empty");
    let old = Endpoint::builder("old", provider()).secrets([secret("a new one"), secret(SECRET)]);
    let old = old.build().expect("sound");
    let one = Endpoint::builder("one", provider()).secret(secret(SECRET)).build().expect("sound");

    let (mut events, bare) = (Events::of_size(1024), BareMac::new());
    let body = events.next_body();
    let genuine = with(1024, [("x-signature", format!("v1={}", hex::encode(bare.of(&body))))]);
    let forged = |count: usize| {
        let items: Vec<String> = (0..count).map(|n| format!("v1={:064x}", n + 1)).collect();
        with(1024, [("x-signature", items.join(","))])
    };
    let (forged_1, forged_100) = (forged(1), forged(100));

    let mut group = criterion.benchmark_group("verify 1 KiB");
    for (name, endpoint, headers, accepted) in [
        ("current secret", &one, &genuine, true),
        ("older secret", &old, &genuine, true),
        ("1 forged candidate", &one, &forged_1, false),
        ("1 forged candidate, two secrets", &old, &forged_1, false),
        ("100 forged candidates", &one, &forged_100, false),
    ] {
        group.bench_function(name, |bench| {
            handed(bench, &body, |body| prove(endpoint, black_box(headers), body) == accepted);
        });
    }
    group.finish();
}

#[cfg(feature = "peers")]
#[path = "verify_peers.rs"]
mod peers;

#[cfg(feature = "peers")]
criterion_group!(benches, by_size, secrets_and_candidates, peers::github, peers::standard);
#[cfg(not(feature = "peers"))]
criterion_group!(benches, by_size, secrets_and_candidates);
criterion_main!(benches);
