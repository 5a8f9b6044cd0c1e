//! From headers and a body to "genuine" or not: countersign, and the other crates if they are built in.

use bytes::Bytes;
use http::HeaderMap;

use crate::SECRET;
use crate::sent::{Scheme, Sender};
use crate::verify::{prove, verify};

/// Something that verifies deliveries of one scheme.
pub struct Verifier {
    pub name: &'static str,
    pub verify: Box<dyn Fn(&HeaderMap, Bytes) -> bool>,
}

impl Verifier {
    pub fn new(name: &'static str, verify: impl Fn(&HeaderMap, Bytes) -> bool + 'static) -> Self {
        Self { name, verify: Box::new(verify) }
    }
}

/// Ours, for a body that arrives and for one that is there, as the other crates take it, and those of this scheme.
/// Each accepts a genuine delivery and refuses another body.
pub fn of(scheme: Scheme) -> Vec<Verifier> {
    let endpoint = scheme.endpoint(&[SECRET]);
    let (there, ours) = (endpoint.clone(), "countersign");
    #[cfg_attr(not(feature = "peers"), expect(unused_mut, reason = "nothing is added"))]
    let mut all = vec![
        Verifier::new(ours, move |headers, body| prove(&endpoint, headers, body)),
        Verifier::new("countersign, whole body", move |headers, body| {
            verify(&there, headers, &body)
        }),
    ];
    #[cfg(feature = "peers")]
    all.extend(crate::peers::verifiers(scheme));
    for verifier in &all {
        check(scheme, verifier);
    }
    all
}

fn check(scheme: Scheme, Verifier { name, verify }: &Verifier) {
    let sent = Sender::new(scheme, 1024).next_sent();
    let headers = sent.header_map();
    assert!(verify(&headers, sent.body.clone()), "{name} refuses a genuine delivery");
    assert!(!verify(&headers, sent.other_body()), "{name} accepts a forged one");
}
