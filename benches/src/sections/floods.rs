//! What it costs to refuse requests without a signature.

use std::cell::RefCell;
use std::time::Duration;

use super::{Outcome, Section};
use crate::client::Client;
use crate::plan::Plan;
use crate::results::{Table, Unit};
use crate::sent::{Scheme, Sender};
use crate::server::{Framework, Server, path};
use crate::turns::{Side, Turn, in_turns};

pub const SECTION: Section = Section {
    name: "floods",
    title: "Floods of unsigned requests",
    about: "\
Requests with a body of 1 KiB and without a signature, over 16 sockets. The ratios are beside the same
server's 404 for a path that it does not know: the least that an answer can take. The rate is limited by the
client as well, which shares the machine; the processor time is the server's alone. The handler of actix-web
written by hand and `webhook-verify` read the body before they look for the signature, as extractors of
actix-web do, and so does `axum-standardwebhooks`.

Where a body was not read, actix-web closes the connection after the answer, also after its own 404, and the
client opens another. The figures of these sides are mostly that. With a body of 1 KiB, reading it is cheaper;
with a large one it is not.",
    charts: &["floods.svg"],
    measure,
};

const METRICS: [(&str, Unit); 2] =
    [("refusals", Unit::PerSecond), ("processor time a refusal", Unit::Nanoseconds)];

const CONNECTIONS: usize = 16;

fn measure(plan: Plan) -> Outcome {
    let one = |framework: Framework| {
        let id = format!("floods-{}", framework.name());
        let mut table = Table::new(&id, framework.name(), "a 404", &METRICS);
        let server = Server::start(framework);
        let client = RefCell::new(Client::connect(server.address, CONNECTIONS));
        let sides = sides(framework).into_iter().map(|(side, scheme, path, status)| {
            let (server, client) = (&server, &client);
            let request = Sender::new(scheme, 1024).next_sent().unsigned().written(&path);
            Side::new(side, move |times| {
                // Fewer would not keep all connections busy.
                let times = times.max(4 * CONNECTIONS as u64);
                let requests = vec![request.clone(); times as usize];
                let before = server.processor_time();
                let took = client.borrow_mut().send(requests, status).took;
                let processor = (server.processor_time() - before).as_secs_f64();
                let (rate, each) = (times as f64 / took.as_secs_f64(), processor / times as f64);
                Turn { took, values: vec![rate, each * 1e9] }
            })
        });
        let turn = plan.turn(Duration::from_millis(40));
        in_turns(plan.rounds(41), turn, sides.collect()).rows(&mut table, "unsigned", 0.0);
        table
    };
    vec![one(Framework::Axum), one(Framework::Actix)].into()
}

/// A 404, and who refuses the same request how.
fn sides(framework: Framework) -> Vec<(&'static str, Scheme, String, u16)> {
    let mut sides = vec![("a 404", Scheme::GitHub, "/elsewhere".to_owned(), 404)];
    for scheme in [Scheme::GitHub, Scheme::StandardWebhooks] {
        if !framework.schemes().contains(&scheme) {
            continue;
        }
        for side in framework.sides(scheme) {
            // Those two are the same for both schemes.
            if sides.iter().any(|(other, ..)| *other == side) {
                continue;
            }
            let status = match side {
                "axum-standardwebhooks" | "webhook-verify" => 400,
                _ => 401,
            };
            sides.push((side, scheme, path(scheme, side), status));
        }
    }
    sides
}
