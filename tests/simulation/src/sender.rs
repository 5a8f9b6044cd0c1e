//! Senders with the providers' schedules, and what they take for an acknowledgement.

use std::rc::Rc;

use crate::executor::{MILLI, Micros, Process, SECOND, after, cancel, choose, machine, now};
use crate::network::store;
use crate::process::{Settings, server};
use crate::world::{broken, say, world};

/// Sends an event for the first time now, and again by the schedule until it is acknowledged.
pub fn send(event: usize, settings: &Rc<Settings>) {
    attempt(event, 0, settings);
}

fn attempt(event: usize, number: usize, settings: &Rc<Settings>) {
    if world(|world| world.events[event].acknowledged || !world.troubled) {
        return;
    }
    let copies = choose(|tape| 1 + tape.chance(1, 6) as u32 + tape.chance(1, 16) as u32);
    let settings_later = Rc::clone(settings);
    let next = move |status: u16| {
        if (200..300).contains(&status) {
            return;
        }
        let Some(wait) = settings_later.waits.get(number) else { return };
        let settings = Rc::clone(&settings_later);
        after(wait * SECOND, move || attempt(event, number + 1, &settings));
    };
    let mut next = Some(next);
    for _ in 0..copies {
        // The sender goes by the first copy's answer.
        let next = next.take();
        deliver(event, choose(any_process), settings, move |status| {
            if let Some(next) = next {
                next(status);
            }
        });
    }
}

pub fn any_process(tape: &mut crate::tape::Tape) -> Process {
    let count = world(|world| world.open.len()) as u32;
    tape.below(count) as Process
}

/// One request: over the network, to a process that may be down, and back, unless the sender hangs
/// up before. `answered` gets 0 where there is no answer.
pub fn deliver(
    event: usize,
    process: Process,
    settings: &Rc<Settings>,
    answered: impl FnOnce(u16) + 'static,
) {
    let troubled = world(|world| world.troubled);
    let (there, back, patience) = choose(|tape| {
        let travel = |tape: &mut crate::tape::Tape| MILLI + Micros::from(tape.below(30)) * MILLI;
        (
            travel(tape),
            travel(tape),
            if troubled && tape.chance(1, 8) { tape.below(8_000) } else { 30_000 },
        )
    });
    let settings = Rc::clone(settings);
    after(there, move || {
        let Some(server) = server(process).filter(|_| machine(process).is_up) else {
            say(|| format!("event {event} meets process {process} down"));
            return answered(0);
        };
        say(|| format!("event {event} comes to process {process}"));
        let start = machine(process).start;
        let answered = Rc::new(std::cell::RefCell::new(Some(answered)));
        let arrives = Rc::clone(&answered);
        let task = server.deliver(event, move |status| {
            let troubled = world(|world| world.troubled);
            let lost = troubled && choose(|tape| tape.chance(1, 32));
            after(back, move || {
                // An answer that gets lost is none.
                let Some(answered) = arrives.borrow_mut().take() else { return };
                if lost {
                    return answered(0);
                }
                say(|| format!("event {event} is answered {status}"));
                acknowledge(event, status);
                answered(status);
            });
        });
        let cancels = settings.cancel_on_disconnect;
        after(Micros::from(patience) * MILLI, move || {
            let Some(answered) = answered.borrow_mut().take() else { return };
            say(|| format!("the sender of event {event} hangs up"));
            if cancels && machine(process).start == start && machine(process).is_up {
                // A claim that is under way then is waited for, and released if it was made.
                world(|world| world.ended.push(((process, start), now())));
                cancel(task);
            }
            answered(0);
        });
    });
}

/// What a 2xx must mean.
fn acknowledge(event: usize, status: u16) {
    if !(200..300).contains(&status) {
        return;
    }
    let event_now = world(|world| {
        let event = &mut world.events[event];
        event.acknowledged = true;
        event.clone()
    });
    let (ledger, in_effect) = store(|store| {
        (store.model.ledger(event_now.key), store.model.in_effect(event_now.entity()))
    });
    if !ledger.parks.is_empty() {
        return;
    }
    let is_superseded = event_now.version.is_some_and(|version| in_effect > version);
    if event_now.in_transaction && ledger.effects == 0 && !is_superseded {
        broken(format!("P4: event {event} was acknowledged though its effect is not there"));
    } else if !event_now.in_transaction && !event_now.handled {
        broken(format!("P4: event {event} was acknowledged though no handler had finished"));
    }
}
