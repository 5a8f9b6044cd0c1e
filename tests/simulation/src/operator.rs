//! An operator, who has events forgotten at any moment, and has the provider send them again.

use std::cell::Cell;
use std::rc::Rc;

use countersign::{Forgotten, Store as _};

use crate::executor::{self, MILLI, Micros, Process, SECOND, choose, machine, now, spawn};
use crate::network::{Client, answer, store};
use crate::parking::Attempts;
use crate::process::{ENDPOINT, Settings};
use crate::sender;
use crate::world::{Event, World, broken, say, world};

/// The machine of the operator, after those of the processes.
pub const OPERATOR: Process = 4;

/// Asks the store to forget an event. Whether it did is known only if the answer comes.
pub fn forget(event: usize, settings: &Rc<Settings>) {
    let key = world(|world| {
        world.events[event].asked_to_forget += 1;
        world.events[event].key
    });
    say(|| format!("an operator asks to forget event {event}"));
    let client = Client { process: OPERATOR, start: machine(OPERATOR).start };
    let settings = Rc::clone(settings);
    spawn(OPERATOR, async move {
        if answer(client.forget(key)).await == Some(Forgotten::Forgotten) {
            World::cover("event", "forgotten");
            say(|| format!("event {event} is forgotten, and sent again"));
            world(|world| world.events[event].acknowledged = false);
            sender::deliver(event, choose(sender::any_process), &settings, |_| {});
        }
    });
}

/// Has the events that are parked handled again.
fn forget_parked(settings: &Rc<Settings>) {
    let client = Client { process: OPERATOR, start: machine(OPERATOR).start };
    let settings = Rc::clone(settings);
    spawn(OPERATOR, async move {
        for listed in answer(client.parked(10)).await.unwrap_or_default() {
            // It is looked into before it is forgotten, and may be handled by then.
            let Some(Some(parked)) = answer(client.parked_event(listed.key)).await else {
                continue;
            };
            let tenant = parked.note.tenant.as_deref();
            let is_it = |event: &Event| {
                event.key == parked.key && event.tenant.map(|tenant| tenant.name) == tenant
            };
            match world(|world| world.events.iter().position(is_it)) {
                Some(event) if parked.note.endpoint == ENDPOINT => forget(event, &settings),
                _ => broken(format!("parked: {:?} is no event of this endpoint", parked.key)),
            }
        }
    });
}

/// Nothing goes wrong any more: an event that is forgotten now is handled by its next delivery.
pub fn check(event: usize, settings: &Rc<Settings>, mut step: impl FnMut(Micros) -> bool) {
    let key = world(|world| world.events[event].key);
    let forgotten = store(|store| {
        let handled_by = store.model.handled_by(now(), key);
        store.model.forget(now(), key, handled_by)
    });
    if forgotten != Forgotten::Forgotten {
        return;
    }
    say(|| format!("an operator forgets event {event}"));
    world(|world| {
        world.events[event].asked_to_forget += 1;
        world.events[event].acknowledged = false;
    });
    let marked = || store(|store| store.model.ledger(key).marked);
    let (before, answered) = (marked(), Rc::new(Cell::new(None)));
    let sets = Rc::clone(&answered);
    sender::deliver(event, choose(sender::any_process), settings, move |status| {
        sets.set(Some(status));
    });
    let until = now() + 40 * SECOND;
    while answered.get().is_none() && step(until) {}
    if answered.get().is_some_and(|status| (200..300).contains(&status)) && marked() == before {
        broken(format!("P4: event {event} was forgotten, and its next delivery was not handled"));
    }
}

/// An event is handled or parked once, and once more for each time that it was forgotten, and it was
/// forgotten no more often than an operator asked.
pub fn check_end(event: usize) {
    let (key, asked) = world(|world| {
        let event = &world.events[event];
        (event.key, event.asked_to_forget)
    });
    let ledger = store(|store| store.model.ledger(key));
    let (marked, parked, forgotten) = (ledger.marked, ledger.parks.len(), ledger.forgotten);
    if marked as usize + parked > 1 + forgotten as usize && !world(|world| world.hurried) {
        broken(format!(
            "P5: event {event} was handled {marked} times, parked {parked} times and forgotten \
             {forgotten} times"
        ));
    }
    if forgotten > asked {
        broken(format!(
            "event {event} was forgotten {forgotten} times, and asked for {asked} times"
        ));
    }
}

/// The last that goes wrong is over when nothing may go wrong any more: a transaction that a handler
/// has left open ends after 40 s.
const QUIET: Micros = 45 * SECOND;

/// Chooses when an operator asks for this event to be forgotten.
pub fn plan(event: usize, calm_at: Micros, settings: &Rc<Settings>) {
    let last = calm_at.saturating_sub(QUIET);
    for _ in 0..choose(|tape| tape.below(6).saturating_sub(2)) {
        let when = choose(|tape| match tape.below(3) {
            0 => Micros::from(tape.below(6_000)) * 4 * MILLI,
            1 => Micros::from(tape.below(800)) * SECOND / 4,
            _ => last.saturating_sub(Micros::from(tape.below(100)) * SECOND / 2),
        });
        let settings = Rc::clone(settings);
        executor::at(when.min(last), move || forget(event, &settings));
    }
    if settings.attempts != Attempts::NotCounted {
        for _ in 0..choose(|tape| tape.below(3)) {
            let when = choose(|tape| Micros::from(tape.below(800)) * SECOND / 4);
            let settings = Rc::clone(settings);
            executor::at(when.min(last), move || forget_parked(&settings));
        }
    }
}
