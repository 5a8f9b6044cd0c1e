//! Handlers that succeed, fail, panic, hang, run past their lease, or do their work in a transaction.

mod failing;
mod transaction;

use std::rc::Rc;

use countersign::{Clock as _, Delivery, Window};

use crate::executor::{
    MILLI, MachineClock, Micros, Process, SECOND, change_machine, choose, machine, now, wait,
};
use crate::network::store;
use crate::process::Settings;
use crate::world::{Running, broken, say, world};

/// Handles an event and tells the status.
pub async fn handle(
    process: Process,
    event: usize,
    delivery: Delivery,
    settings: &Rc<Settings>,
) -> u16 {
    let running = begin(process, event, &delivery, settings);
    let (in_transaction, troubled, fails) = world(|world| {
        let event = &mut world.events[event];
        let fails = world.troubled && event.fails > 0;
        event.fails -= u32::from(fails);
        (event.in_transaction, world.troubled, fails)
    });
    let what = if troubled && !fails { choose(|tape| tape.below(17)) } else { 0 };
    let status = if fails {
        failing::fail(process, &delivery, settings).await
    } else if in_transaction {
        transaction::handle(process, event, &delivery, settings, what).await
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
    let (time, tenant) = world(|world| (world.events[event].time, world.events[event].tenant));
    if delivery.tenant() != tenant.map(|tenant| tenant.name) {
        broken(format!("tenants: event {event} is handled as one of {:?}", delivery.tenant()));
    }
    check_fresh(process, time, settings.window);
    let (marked, hurried) = (
        store(|store| store.model.entries.get(&key).is_some_and(|entry| entry.done)),
        world(|world| world.hurried),
    );
    if marked && !hurried {
        broken(format!("P5: event {event} is handled again, though it was marked as handled"));
    }
    if delivery.claim().is_lost() {
        broken(format!("P3: a handler of event {event} begins when its lease has run out"));
    }
    settings.attempts.check(event, delivery);
    let others: Vec<(Process, Delivery)> = world(|world| {
        let others = world.running.values().filter(|running| running.event == event);
        others.map(|running| (running.process, running.delivery.clone())).collect()
    });
    for (other, delivery) in others {
        // What it has committed was forgotten, and it has not ended yet: nobody can know that.
        let owner = (other, machine(other).start);
        let completed = store(|store| store.model.ledger(key).completed_before.contains(&owner));
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
