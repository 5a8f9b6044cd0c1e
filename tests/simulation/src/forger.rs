//! Somebody who sends what no provider has signed.

use std::future::pending;

use bytes::Bytes;
use countersign::Secret;
use countersign::testing::Signer;

use crate::executor::{Micros, SECOND, at, choose, machine, spawn};
use crate::process::{Server, server};
use crate::sender;
use crate::world::{World, broken, say, world};

/// Chooses when an event is forged.
pub fn plan(event: usize, calm_at: Micros) {
    for _ in 0..choose(|tape| tape.below(4)) {
        let when = choose(|tape| Micros::from(tape.below(800)) * SECOND / 4).min(calm_at);
        at(when, move || {
            let process = choose(sender::any_process);
            if let Some(server) = server(process).filter(|_| machine(process).is_up) {
                World::cover("delivery", "forged");
                spawn(process, forge(server, event));
            }
        });
    }
}

async fn forge(server: Server, event: usize) {
    say(|| format!("a forged delivery of event {event} comes to process {}", server.process));
    let genuine = world(|world| world.events[event].clone());
    let (mut headers, mut body) = (genuine.head(), genuine.body.to_vec());
    let provider = server.receiver.endpoint().provider().clone();
    match choose(|tape| tape.below(if genuine.tenant.is_some() { 4 } else { 3 })) {
        0 => {
            let guess = Secret::new("a guess").expect("a secret");
            headers = Signer::new(&provider, &guess).sign(&body);
        }
        1 => body.insert(body.len() - 1, b' '),
        // A captured delivery as one of another tenant.
        3 => headers = choose(|tape| genuine.head_for_another(tape)).unwrap_or_default(),
        _ => headers.clear(),
    }
    let Ok(arriving) = server.receiver.begin(&headers) else { return };
    let received = server.receiver.receive(arriving, Some(Bytes::from(body)), pending::<()>());
    match received.await {
        Ok(_) => broken(format!("P1: a forged delivery of event {event} was taken for genuine")),
        Err(reply) if (200..300).contains(&reply.status()) => {
            broken(format!("P1: a forged delivery of event {event} was acknowledged"));
        }
        Err(_) => {}
    }
}
