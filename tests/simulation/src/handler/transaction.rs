//! A handler that does its work in a transaction, which commits, rolls back, is left open, or is not heard of
//! again.

use std::sync::Arc;

use countersign::{CompleteError, Delivery, EventKey};

use super::{handled, hang, lease};
use crate::executor::{MILLI, Micros, Process, choose, spawn, wait};
use crate::model::{Effect, Order};
use crate::network::{Database, Transaction};
use crate::process::Settings;
use crate::world::{Event, World, broken, say, world};

pub async fn handle(
    process: Process,
    event: usize,
    delivery: &Delivery,
    settings: &Settings,
    what: u32,
) -> u16 {
    let lease = lease(settings);
    match what {
        0..=6 => commit(process, event, delivery).await,
        7 => {
            // The work fails after the mark was set: all of it is rolled back.
            let mut transaction = Transaction::begin(process);
            let _ = work(event, delivery, &mut transaction).await;
            drop(transaction);
            500
        }
        8..=10 => {
            // It is rolled back, the handler works on for longer than a lease, and tries again.
            let mut transaction = Transaction::begin(process);
            let _ = work(event, delivery, &mut transaction).await;
            drop(transaction);
            for _ in 0..choose(|tape| tape.below(24)) {
                wait(lease / 8).await;
                if delivery.claim().is_lost() {
                    return 500;
                }
            }
            commit(process, event, delivery).await
        }
        11 => {
            // It is left open, and committed or rolled back some time later.
            let mut transaction = Transaction::begin(process);
            if work(event, delivery, &mut transaction).await.is_err() {
                return 500;
            }
            let (later, commits) = choose(|tape| (tape.below(400), tape.chance(1, 2)));
            spawn(process, async move {
                wait(Micros::from(later) * 100 * MILLI).await;
                if commits {
                    let _ = transaction.commit().await;
                }
            });
            200
        }
        12 => {
            commit(process, event, delivery).await;
            500
        }
        13 => {
            commit(process, event, delivery).await;
            panic!("as planned");
        }
        14 => {
            hang().await;
            500
        }
        15 => {
            // It takes every error for a success.
            let mut transaction = Transaction::begin(process);
            match work(event, delivery, &mut transaction).await {
                Ok(()) => drop(transaction.commit().await),
                Err(_) => World::cover("handler", "answers 2xx after an error"),
            }
            200
        }
        _ => {
            wait(choose(|tape| Micros::from(tape.below(24)) * lease / 8)).await;
            commit(process, event, delivery).await
        }
    }
}

/// The loop that people write around a transaction: run it again when the connection broke.
async fn commit(process: Process, event: usize, delivery: &Delivery) -> u16 {
    for attempt in 0..4 {
        let mut transaction = Transaction::begin(process);
        wait(choose(|tape| Micros::from(tape.below(3)) * 20 * MILLI)).await;
        match work(event, delivery, &mut transaction).await {
            Ok(()) => {
                if transaction.commit().await.is_ok() {
                    handled(event);
                    return 200;
                }
                say(|| format!("commit of event {event} was not answered, attempt {attempt}"));
            }
            Err(CompleteError::AlreadyCompleted) => {
                handled(event);
                return 200;
            }
            Err(CompleteError::Store(_)) => {}
            Err(_) => return 500,
        }
    }
    500
}

/// What a transaction does: the effect, unless a newer event of the entity has taken effect, and the mark.
async fn work(
    event: usize,
    delivery: &Delivery,
    transaction: &mut Transaction,
) -> Result<(), CompleteError> {
    let (version, entity) =
        world(|world| (world.events[event].version, world.events[event].entity()));
    let effect = match version {
        None => Effect::Unordered,
        Some(version) => match order(delivery, transaction, version).await? {
            Order::Newest => Effect::Version(entity, version),
            Order::Superseded => {
                World::cover("event", "superseded");
                Effect::Nothing
            }
            Order::Same => {
                World::cover("event", "same version");
                check_same(event);
                // This handler has both of them take effect.
                Effect::Version(entity, version)
            }
        },
    };
    let complete = async |_: Arc<Database>, key, token, retention| {
        transaction.complete(key, token, retention, effect).await
    };
    delivery.claim().complete_with(complete).await
}

fn check_same(event: usize) {
    let others = world(|world| {
        let of = |event: &Event| (event.entity(), event.version);
        let same = of(&world.events[event]);
        world.events.iter().filter(|event| of(event) == same).count() - 1
    });
    if others == 0 {
        broken(format!("order: no other event has the version of event {event}"));
    }
}

async fn order(
    delivery: &Delivery,
    transaction: &mut Transaction,
    version: u32,
) -> Result<Order, CompleteError> {
    let entity = EventKey::from_bytes(delivery.entity_key("the entity"));
    let ask = async |_: Arc<Database>, key, token, _| {
        transaction.newest(key, token, entity, version).await
    };
    delivery.claim().fenced_with(ask).await
}
