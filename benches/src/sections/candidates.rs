//! Several signatures in one header, and several secrets at one endpoint.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::{Outcome, Section};
use crate::plan::Plan;
use crate::results::{Table, Unit};
use crate::sent::{SECRETS, Scheme, Sender, Sent};
use crate::turns::{Side, in_turns};
use crate::verifiers::{Verifier, of};

pub const SECTION: Section = Section {
    name: "candidates",
    title: "Many signatures, several secrets",
    about: "\
A header may hold a list of signatures, and the sender decides how long it is: a forged list must not cost a
MAC for each item. While a secret is replaced, an endpoint has several: an older one is tried only if the
current one does not match. The body has 1 KiB. The ratios are beside the same crate's first row: one
signature, one secret.",
    charts: &["candidates.svg"],
    measure,
};

fn measure(plan: Plan) -> Outcome {
    let mut tables = Vec::new();
    for scheme in [Scheme::StandardWebhooks, Scheme::Stripe] {
        tables.push(candidates(plan, scheme));
    }
    tables.push(secrets(plan));
    tables.into()
}

/// A verifier, what it is given, and whether it has to accept that.
struct Case<'a> {
    at: String,
    x: f64,
    verifier: &'a Verifier,
    sent: Sent,
    accepts: bool,
}

fn candidates(plan: Plan, scheme: Scheme) -> Table {
    let id = format!("candidates-{}", scheme.id());
    let title = format!("{}: signatures in the header", scheme.name());
    let base = "the same crate with one genuine signature";
    let mut table = Table::new(&id, &title, base, &[("time", Unit::Nanoseconds)]);
    let mut sender = Sender::new(scheme, 1024);
    let verifiers = of(scheme);
    let mut cases = Vec::new();
    for (count, genuine, what) in [
        (1, true, "genuine"),
        (10, true, "the last one genuine"),
        (100, true, "the last one genuine"),
        (1, false, "forged"),
        (10, false, "all forged"),
        (100, false, "all forged"),
    ] {
        let (at, sent) = (format!("{count}, {what}"), sender.with_candidates(count, genuine));
        for verifier in &verifiers {
            let (at, sent, x) = (at.clone(), sent.clone(), f64::from(count as u32));
            cases.push(Case { at, x, verifier, sent, accepts: genuine });
        }
    }
    run(plan, &cases, verifiers.len(), &mut table);
    table
}

fn secrets(plan: Plan) -> Table {
    let base = "the same crate with one secret, genuine";
    let title = "GitHub: secrets at the endpoint";
    let mut table = Table::new("secrets", title, base, &[("time", Unit::Nanoseconds)]);
    let sent = Sender::new(Scheme::GitHub, 1024).next_sent();
    let forged = Sent { body: sent.other_body(), ..sent.clone() };
    let mut all = Vec::new();
    for count in [1, 2, 5] {
        let older: Vec<&str> = SECRETS[..count].iter().rev().copied().collect();
        all.push((count, verifiers(&SECRETS[..count]), verifiers(&older)));
    }
    let mut cases = Vec::new();
    for (count, current, older) in &all {
        for (what, verifiers, sent, accepts) in [
            ("signed with the current one", current, &sent, true),
            ("signed with the oldest one", older, &sent, true),
            ("forged", current, &forged, false),
        ] {
            if *count == 1 && what.ends_with("oldest one") {
                continue;
            }
            for verifier in verifiers {
                let (at, sent) = (format!("{count}, {what}"), sent.clone());
                cases.push(Case { at, x: *count as f64, verifier, sent, accepts });
            }
        }
    }
    run(plan, &cases, verifiers(&SECRETS[..1]).len(), &mut table);
    table
}

/// Those that take several secrets.
fn verifiers(secrets: &[&str]) -> Vec<Verifier> {
    let endpoint = Scheme::GitHub.endpoint(secrets);
    let ours = move |headers: &_, body| crate::verify::prove(&endpoint, headers, body);
    let ours = Verifier::new("countersign", ours);
    #[cfg(feature = "peers")]
    return vec![ours, crate::peers::octoevents(secrets)];
    #[cfg(not(feature = "peers"))]
    vec![ours]
}

/// Measures all in turns; the first `crates` cases are what the others of the same crate are beside.
fn run(plan: Plan, cases: &[Case<'_>], crates: usize, table: &mut Table) {
    let sides = cases.iter().map(|case| {
        let headers = case.sent.header_map();
        Side::timed(case.verifier.name, move |times| {
            let bodies = vec![case.sent.body.clone(); times as usize];
            let start = Instant::now();
            for body in bodies {
                assert_eq!((case.verifier.verify)(black_box(&headers), body), case.accepts);
            }
            start.elapsed()
        })
    });
    let turn = plan.turn(Duration::from_millis(4));
    let samples = in_turns(plan.rounds(51), turn, sides.collect());
    for (which, case) in cases.iter().enumerate() {
        samples.row(table, &case.at, case.x, which, which % crates);
    }
}
