//! The memory of a server to which a thousand connections send slowly.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Outcome, Section};
use crate::plan::Plan;
use crate::results::{Row, Table, Unit, Value};
use crate::sent::{Scheme, Sender};
use crate::server::{BY_HAND, Framework, OURS, Server, path};

pub const SECTION: Section = Section {
    name: "slow",
    title: "Slow senders",
    about: "\
A thousand connections each send the headers of a delivery of 64 KiB and then half of its body, slowly, in
eight pieces. What the server's resident memory grows by until then, for each connection. Every server is a
new process. First with a signature in the headers, which is well formed: only the end of the body shows
whether it fits. Then without one: who looks at the headers first has answered by then, and the server has
closed the connection. (`axum-standardwebhooks` panics when such a connection breaks off.)",
    charts: &["slow.svg"],
    measure,
};

const SIZE: usize = 64 * 1024;
const PIECES: usize = 8;

fn measure(plan: Plan) -> Outcome {
    let metrics = [("memory a connection", Unit::Bytes)];
    let mut tables = Vec::new();
    for framework in [Framework::Axum, Framework::Actix] {
        let id = format!("slow-{}", framework.name());
        let mut table = Table::new(&id, framework.name(), BY_HAND, &metrics);
        for (at, signed) in [("with a signature", true), ("without one", false)] {
            let sides = sides(framework);
            let mut samples = vec![Vec::new(); sides.len()];
            for _ in 0..plan.rounds(3) {
                for ((scheme, side), samples) in sides.iter().zip(&mut samples) {
                    samples.push(one(plan, framework, *scheme, side, signed));
                }
            }
            for ((_, side), of_side) in sides.iter().zip(&samples) {
                let value = match *side {
                    BY_HAND => Value::of(of_side),
                    _ => Value::beside(of_side, &samples[0]),
                };
                let (at, side, values) = (at.to_owned(), (*side).to_owned(), vec![Some(value)]);
                table.rows.push(Row { at, x: 0.0, side, values });
            }
        }
        tables.push(table);
    }
    tables.into()
}

fn sides(framework: Framework) -> Vec<(Scheme, &'static str)> {
    let mut sides = vec![(Scheme::GitHub, BY_HAND), (Scheme::GitHub, OURS)];
    for scheme in framework.schemes() {
        let peers = framework.sides(*scheme).into_iter().skip(2);
        sides.extend(peers.map(|side| (*scheme, side)));
    }
    sides
}

/// The memory for each connection, in bytes.
fn one(plan: Plan, framework: Framework, scheme: Scheme, side: &str, signed: bool) -> f64 {
    let connections = plan.or(100, 1000);
    let server = Server::start(framework);
    let sent = Sender::new(scheme, SIZE).next_sent();
    let sent = if signed { sent } else { sent.unsigned() };
    let (head, body) = (sent.head(&path(scheme, side)), sent.body);
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        // Whatever the first connections make is not what a connection takes.
        let mut warm = sockets(server.address, 4).await;
        send(&mut warm, &head).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = server.resident();
        let mut all = sockets(server.address, connections).await;
        send(&mut all, &head).await;
        for piece in body[..SIZE / 2].chunks(SIZE / 2 / PIECES) {
            send(&mut all, piece).await;
            tokio::time::sleep(plan.turn(Duration::from_millis(100))).await;
        }
        server.resident().saturating_sub(before) as f64 / connections as f64
    })
}

async fn sockets(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        sockets.push(TcpStream::connect(address).await.expect("the server listens"));
    }
    sockets
}

/// A server that has refused the request may have hung up.
async fn send(sockets: &mut [TcpStream], bytes: &[u8]) {
    for socket in sockets {
        let _ = socket.write_all(bytes).await;
    }
}
