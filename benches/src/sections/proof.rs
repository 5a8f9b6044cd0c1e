//! From headers and a body to the proof, by size of the body.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hmac::Mac;
use http::HeaderMap;

use super::{Outcome, Section, size};
use crate::BareMac;
use crate::plan::Plan;
use crate::results::{Table, Unit};
use crate::sent::{Scheme, Sender};
use crate::turns::{Side, in_turns};
use crate::verifiers::{Verifier, of};

pub const SECTION: Section = Section {
    name: "proof",
    title: "The proof",
    about: "\
From a request's headers and its body to the answer \"genuine\" or not. Each crate gets what its
documentation asks for, with the key prepared where the crate can do that. Before it is measured, each has
to accept a genuine delivery and to refuse another body. The bare HMAC is the `hmac` crate with a prepared
key over the same bytes: the least that a verification can take. The ratios are beside it.

`countersign` is the way of a delivery behind the layer: the head is judged before the body, which may come
in chunks, and what the head claims of the event is kept. `countersign, whole body` is `Endpoint::verify` for
a body that is there, as the other crates take it.

`async-stripe-webhook` has no call that only verifies: its figure includes the reading of the event into its
type. What that reading takes alone is a row of its own.",
    charts: &["proof.svg", "proof-by-size.svg"],
    measure,
};

const SIZES: [usize; 7] = [64, 256, 1024, 4096, 16 * 1024, 64 * 1024, 1024 * 1024];

fn measure(plan: Plan) -> Outcome {
    let tables = [Scheme::GitHub, Scheme::StandardWebhooks, Scheme::Stripe].map(|scheme| {
        let title = format!("{}: time by size of the body", scheme.name());
        let id = format!("proof-{}", scheme.id());
        let mut table = Table::new(&id, &title, "bare HMAC", &[("time", Unit::Nanoseconds)]);
        let verifiers = verifiers(scheme);
        // An event of Stripe is not smaller.
        let smallest = if scheme == Scheme::Stripe { 1024 } else { 0 };
        for bytes in SIZES.into_iter().filter(|bytes| *bytes >= smallest) {
            one_size(plan, scheme, &verifiers, bytes, &mut table);
        }
        table
    });
    Vec::from(tables).into()
}

fn verifiers(scheme: Scheme) -> Vec<Verifier> {
    #[cfg_attr(not(feature = "stripe"), expect(unused_mut, reason = "nothing is added"))]
    let mut verifiers = of(scheme);
    #[cfg(feature = "stripe")]
    if scheme == Scheme::Stripe {
        verifiers.push(crate::peers::async_stripe_reading());
    }
    verifiers
}

fn one_size(plan: Plan, scheme: Scheme, verifiers: &[Verifier], bytes: usize, table: &mut Table) {
    let mut sender = Sender::new(scheme, bytes);
    let sent = sender.next_sent();
    assert_eq!(sent.body.len(), bytes);
    let (headers, before, bare) = (sent.header_map(), sender.before_body(), BareMac::new());
    let body = &sent.body;
    let mut sides = vec![Side::timed("bare HMAC", |times| {
        let start = Instant::now();
        for _ in 0..times {
            let mut mac = bare.0.clone();
            mac.update(black_box(before.as_bytes()));
            mac.update(black_box(body));
            black_box(mac.finalize());
        }
        start.elapsed()
    })];
    let headers = &headers;
    for Verifier { name, verify } in verifiers {
        sides.push(Side::timed(*name, move |times| repeat(verify, headers, body, times)));
    }
    in_turns(plan.rounds(81), plan.turn(Duration::from_millis(4)), sides).rows(
        table,
        &size(bytes),
        bytes as f64,
    );
}

/// Verifies the same delivery this often. The body is the verifier's own each time.
fn repeat(
    verify: &dyn Fn(&HeaderMap, Bytes) -> bool,
    headers: &HeaderMap,
    body: &Bytes,
    times: u64,
) -> Duration {
    let bodies = vec![body.clone(); times as usize];
    let start = Instant::now();
    for body in bodies {
        assert!(verify(black_box(headers), body));
    }
    start.elapsed()
}
