//! How often memory is allocated for a delivery.

use super::{Outcome, Section};
use crate::counting::allocations;
use crate::plan::Plan;
use crate::results::{Row, Table, Unit, Value};
use crate::sent::{Scheme, Sender};
use crate::server::{Framework, in_process, path};
use crate::verifiers::{Verifier, of};

pub const SECTION: Section = Section {
    name: "allocations",
    title: "Allocations",
    about: "\
How often memory is allocated, or a buffer made larger, for one delivery of 1 KiB: for the proof alone, and
for a whole request in process, from the framework's request to its response. In the handler of Piora and
Hostwares the event is parsed into its type; in the others it is taken as bytes. This is counted and has no
spread.",
    charts: &[],
    measure,
};

/// The requests that the count is the mean of.
const TIMES: u64 = 100;

fn measure(_: Plan) -> Outcome {
    let metrics = [("allocations", Unit::Count)];
    let mut proof = Table::new("allocations-proof", "The proof", "", &metrics);
    for scheme in [Scheme::GitHub, Scheme::StandardWebhooks, Scheme::Stripe] {
        let sent = Sender::new(scheme, 1024).next_sent();
        let headers = sent.header_map();
        for Verifier { name, verify } in of(scheme) {
            // The first clone of `Bytes` allocates, so the body is cloned before.
            let body = sent.body.clone();
            let count = allocations(|| assert!(verify(&headers, body)));
            row(&mut proof, scheme.name(), name, count as f64);
        }
    }
    let mut request = Table::new("allocations-request", "A whole request", "", &metrics);
    for framework in [Framework::Axum, Framework::Actix] {
        for scheme in framework.schemes() {
            let at = format!("{}, {}", framework.name(), scheme.name());
            for side in framework.sides(*scheme) {
                row(&mut request, &at, side, of_request(framework, *scheme, side));
            }
        }
    }
    vec![proof, request].into()
}

fn of_request(framework: Framework, scheme: Scheme, side: &str) -> f64 {
    let (path, send) = (path(scheme, side), in_process(framework, true));
    let mut sender = Sender::new(scheme, 1024);
    let mut deliveries = || (0..TIMES).map(|_| sender.next_sent()).collect::<Vec<_>>();
    send(&path, &deliveries(), 204);
    send(&path, &deliveries(), 204).allocations as f64 / TIMES as f64
}

fn row(table: &mut Table, at: &str, side: &str, count: f64) {
    let values = vec![Some(Value::exact(count))];
    table.rows.push(Row { at: at.to_owned(), x: 0.0, side: side.to_owned(), values });
}
