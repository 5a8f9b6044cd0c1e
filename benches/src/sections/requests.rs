//! Whole requests: in process, and over the loopback interface.

use std::cell::RefCell;
use std::time::Duration;

use super::{Outcome, Section, size};
use crate::client::{Client, Exchanges};
use crate::plan::Plan;
use crate::results::{Table, Unit, sorted_quantile};
use crate::sent::{Scheme, Sender};
use crate::server::{Framework, Server, in_process, path};
use crate::turns::{Side, Turn, in_turns};

pub const SECTION: Section = Section {
    name: "requests",
    title: "Whole requests",
    about: "\
A genuine, new delivery from the request to the answer 204. The ratios are beside a handler written by hand,
which finds the signature, reads the body, computes the MAC, compares, and for Piora and Hostwares parses the
same typed event. That handler does not deduplicate, has no task that outlives a hang-up, and reports
nothing; countersign does all of that, with `MemoryStore`. `octoevents`, `axum-standardwebhooks` and
`webhook-verify` do not deduplicate. Where there is no typed event, all take the body as bytes.

The server is a process of its own with a worker for each processor, and the client is one thread on the
same machine: the time of an exchange holds the client's work, too. The processor time is the server's alone,
as the scheduler counts it. In process there is no socket and no client, and the time is all there is.",
    charts: &["requests.svg", "latency.svg"],
    measure,
};

const METRICS: [(&str, Unit); 5] = [
    ("time a request", Unit::Nanoseconds),
    ("processor time a request", Unit::Nanoseconds),
    ("p50", Unit::Nanoseconds),
    ("p90", Unit::Nanoseconds),
    ("p99", Unit::Nanoseconds),
];

const SIZES: [usize; 2] = [1024, 16 * 1024];
const SOCKETS: [usize; 2] = [1, 16];

fn measure(plan: Plan) -> Outcome {
    let mut tables = Vec::new();
    for framework in [Framework::Axum, Framework::Actix] {
        let server = Server::start(framework);
        for scheme in framework.schemes() {
            let id = format!("requests-{}-{}", framework.name(), scheme.id());
            let title = format!("{}, {}", framework.name(), scheme.name());
            let mut table = Table::new(&id, &title, "the handler written by hand", &METRICS);
            for bytes in SIZES {
                without_socket(plan, framework, *scheme, bytes, &mut table);
            }
            for connections in SOCKETS {
                for bytes in SIZES {
                    over_sockets(plan, &server, framework, *scheme, connections, bytes, &mut table);
                }
            }
            tables.push(table);
        }
    }
    tables.into()
}

fn without_socket(
    plan: Plan,
    framework: Framework,
    scheme: Scheme,
    bytes: usize,
    table: &mut Table,
) {
    let send = in_process(framework, false);
    let sender = RefCell::new(Sender::new(scheme, bytes));
    let sides = framework.sides(scheme).into_iter().map(|side| {
        let (path, send, sender) = (path(scheme, side), &send, &sender);
        Side::timed(side, move |times| {
            let mut sender = sender.borrow_mut();
            let sent: Vec<_> = (0..times).map(|_| sender.next_sent()).collect();
            send(&path, &sent, 204).took
        })
    });
    let at = format!("in process, {}", size(bytes));
    in_turns(plan.rounds(31), plan.turn(Duration::from_millis(5)), sides.collect())
        .rows(table, &at, 0.0);
}

fn over_sockets(
    plan: Plan,
    server: &Server,
    framework: Framework,
    scheme: Scheme,
    connections: usize,
    bytes: usize,
    table: &mut Table,
) {
    let client = RefCell::new(Client::connect(server.address, connections));
    let sender = RefCell::new(Sender::new(scheme, bytes));
    let sides = framework.sides(scheme).into_iter().map(|side| {
        let (path, client, sender) = (path(scheme, side), &client, &sender);
        Side::new(side, move |times| {
            let mut sender = sender.borrow_mut();
            // Fewer would not keep all connections busy.
            let times = times.max(4 * connections as u64);
            let requests = (0..times).map(|_| sender.next_sent().written(&path)).collect();
            let before = server.processor_time();
            let exchanges = client.borrow_mut().send(requests, 204);
            turn(exchanges, server.processor_time() - before)
        })
    });
    let sockets = if connections == 1 { "socket" } else { "sockets" };
    let at = format!("{connections} {sockets}, {}", size(bytes));
    in_turns(plan.rounds(31), plan.turn(Duration::from_millis(20)), sides.collect()).rows(
        table,
        &at,
        connections as f64,
    );
}

fn turn(exchanges: Exchanges, processor: Duration) -> Turn {
    let Exchanges { took, latencies } = exchanges;
    let each = |time: Duration| time.as_secs_f64() * 1e9 / latencies.len() as f64;
    let quantile = |part| sorted_quantile(&latencies, part) as f64;
    let values = [each(took), each(processor), quantile(0.5), quantile(0.9), quantile(0.99)];
    Turn { took, values: values.into() }
}
