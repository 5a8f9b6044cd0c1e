//! Handlers that succeed, fail, panic, hang, run past their lease, or do their work in a
//! transaction, which commits, rolls back, is left open, or is not heard of again.

use std::sync::Arc;

use countersign::{Clock as _, CompleteError, Delivery, Window};

use crate::executor::{
    MILLI, MachineClock, Micros, Process, SECOND, change_machine, choose, machine, now, spawn, wait,
};
use crate::network::{Database, Transaction, store};
use crate::process::Settings;
use crate::world::{Running, broken, say, world};

/// Handles an event and tells the status.
pub async fn handle(
    process: Process,
    event: usize,
    delivery: Delivery,
    settings: &Settings,
) -> u16 {
    let running = begin(process, event, &delivery, settings);
    let (in_transaction, troubled) =
        world(|world| (world.events[event].in_transaction, world.troubled));
    let what = if troubled { choose(|tape| tape.below(16)) } else { 0 };
    let status = if in_transaction {
        with_transaction(process, event, &delivery, settings, what).await
    } else {
        without_transaction(event, &delivery, settings, what).await
    };
    drop(running);
    say(|| format!("handler of event {event} in process {process} answers {status}"));
    status
}

async fn without_transaction(
    event: usize,
    delivery: &Delivery,
    settings: &Settings,
    what: u32,
) -> u16 {
    let lease = lease(settings);
    match what {
        0..=6 => {
            wait(choose(|tape| Micros::from(tape.below(4)) * 40 * MILLI)).await;
            handled(event);
            choose(|tape| tape.pick(&[200, 204]))
        }
        7 | 8 => {
            wait(choose(|tape| Micros::from(tape.below(1_000)) * MILLI)).await;
            choose(|tape| tape.pick(&[500, 400, 302]))
        }
        9 => {
            wait(choose(|tape| Micros::from(tape.below(2)) * SECOND)).await;
            panic!("as planned");
        }
        10 | 11 => {
            // Longer than its lease: it is renewed.
            wait(choose(|tape| Micros::from(tape.below(24)) * lease / 8)).await;
            handled(event);
            200
        }
        12 | 13 => {
            for _ in 0..choose(|tape| tape.below(30)) {
                wait(lease / 8).await;
                if is_lost(event, delivery) {
                    return 500;
                }
            }
            handled(event);
            200
        }
        14 => {
            hang().await;
            500
        }
        _ => {
            wait(choose(|tape| Micros::from(tape.below(30)) * SECOND)).await;
            handled(event);
            200
        }
    }
}

async fn with_transaction(
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
            let _ = complete(delivery, &mut transaction).await;
            drop(transaction);
            500
        }
        8..=10 => {
            // It is rolled back, the handler works on for longer than a lease, and tries again.
            let mut transaction = Transaction::begin(process);
            let _ = complete(delivery, &mut transaction).await;
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
            if complete(delivery, &mut transaction).await.is_err() {
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
        match complete(delivery, &mut transaction).await {
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

async fn complete(delivery: &Delivery, transaction: &mut Transaction) -> Result<(), CompleteError> {
    let complete = async |_: Arc<Database>, key, token, retention| {
        transaction.complete(key, token, retention).await
    };
    delivery.claim().complete_with(complete).await
}

/// A handler that works longer than its lease asks. Where nothing ever goes wrong, it has been renewed.
/// A transaction that is rolled back late holds up renewals, so this is not for those.
fn is_lost(event: usize, delivery: &Delivery) -> bool {
    let lost = delivery.claim().is_lost();
    if lost && world(|world| world.peaceful) {
        broken(format!("P3: the lease of event {event} ran out, though nothing goes wrong"));
    }
    lost
}

/// As long as anything goes wrong at all.
async fn hang() {
    while world(|world| world.troubled) {
        wait(7 * SECOND).await;
    }
}

fn handled(event: usize) {
    world(|world| world.events[event].handled = true);
}

fn lease(settings: &Settings) -> Micros {
    settings.lease.as_micros() as Micros
}

/// A handler begins: what P2, P3 and P5 say of that moment.
fn begin(process: Process, event: usize, delivery: &Delivery, settings: &Settings) -> Ran {
    say(|| format!("handler of event {event} begins in process {process}"));
    let key = delivery.key();
    let time = world(|world| world.events[event].time);
    check_fresh(process, time, settings.window);
    let (marked, hurried) = (
        store(|store| store.model.entries.get(&key).is_some_and(|entry| entry.done)),
        world(|world| world.hurried),
    );
    if marked && !hurried {
        broken(format!("P5: event {event} is handled again, though it was marked as handled"));
    }
    let others: Vec<(Process, Delivery)> = world(|world| {
        let others = world.running.values().filter(|running| running.event == event);
        others.map(|running| (running.process, running.delivery.clone())).collect()
    });
    for (other, delivery) in others {
        // What it has committed was forgotten, and it has not ended yet: nobody can know that.
        let owner = (other, machine(other).start);
        let completed = store(|store| {
            let before = store.model.completed_before.get(&key);
            before.is_some_and(|before| before.contains(&owner))
        });
        if completed {
            continue;
        }
        // Clocks of different speeds see a lease end at slightly different moments.
        let tolerance = lease(settings) / 1_000 + 20 * MILLI;
        change_machine(other, |machine| machine.glance = tolerance);
        let lost = delivery.claim().is_lost();
        change_machine(other, |machine| machine.glance = 0);
        if !lost && !hurried {
            broken(format!(
                "P3: event {event} is handled in process {process} while process {other} handles \
                 it and does not know that its claim is lost"
            ));
        }
    }
    let running = Running { event, process, delivery: delivery.clone() };
    Ran(world(|world| world.add_running(running)))
}

fn check_fresh(process: Process, time: i64, window: Window) {
    let now = MachineClock(process).now();
    let now = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |now| now.as_secs() as i64);
    let age = now - time;
    // A claim takes its time after the delivery was judged.
    if age > window.past.as_secs() as i64 + 4 || -age > window.future.as_secs() as i64 + 1 {
        // A machine that was paused in between, or whose clock was set, judged it before that.
        if machine(process).paused_until == 0 && machine(process).ahead == 0 {
            broken(format!("P2: an event {age} s old reached a handler"));
        }
    }
}

/// A handler that runs, until this is dropped.
struct Ran(u64);

impl Drop for Ran {
    fn drop(&mut self) {
        let running = crate::world::WORLD.try_with(|world| {
            let mut world = world.borrow_mut();
            let running = world.running.remove(&self.0)?;
            if crate::executor::in_a_world() {
                let owner = (running.process, machine(running.process).start);
                world.ended.push((owner, now()));
            }
            Some(running)
        });
        // Its delivery is dropped when nothing is borrowed any more.
        drop(running);
    }
}
