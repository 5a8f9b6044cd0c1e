//! When nothing goes wrong any more: the next delivery of each event is handled.

use std::rc::Rc;

use super::{Run, lease};
use crate::executor::{BEGINNING, MILLI, Micros, SECOND, choose, machine, now};
use crate::network::store;
use crate::operator;
use crate::process::MINUTE;
use crate::sender;
use crate::world::{broken, world};

impl Run {
    /// The next delivery of each event is handled, unless somebody works on it.
    pub(super) fn finish(&mut self) {
        for event in 0..world(|world| world.events.len()) {
            if self.is_fresh(event) && choose(|tape| tape.chance(1, 4)) {
                let settings = Rc::clone(&self.settings);
                operator::check(event, &settings, |until| self.step(until));
            }
        }
        let mut rounds = 0;
        loop {
            let open: Vec<usize> = world(|world| {
                let events = world.events.iter().enumerate();
                events.filter(|(_, event)| !event.acknowledged).map(|(number, _)| number).collect()
            });
            let open: Vec<usize> = open.into_iter().filter(|event| self.is_fresh(*event)).collect();
            if open.is_empty() || world(|world| world.broken.is_some()) {
                break;
            }
            rounds += 1;
            let mut wait = 0;
            for event in open {
                let excused = self.excuse(event);
                if excused > 0 {
                    wait = wait.max(excused);
                } else if rounds > 1_000 {
                    broken(format!("P4: event {event} is never handled"));
                } else {
                    let process = choose(sender::any_process);
                    let settings = Rc::clone(&self.settings);
                    let answered = Rc::new(std::cell::Cell::new(None));
                    let sets = Rc::clone(&answered);
                    sender::deliver(event, process, &settings, move |status| {
                        sets.set(Some(status));
                    });
                    let until = now() + 40 * SECOND;
                    while answered.get().is_none() && self.step(until) {}
                    let acknowledged = world(|world| world.events[event].acknowledged);
                    if !acknowledged && self.excuse(event) == 0 {
                        broken(format!(
                            "P4: nothing goes wrong any more, nobody works on event {event}, and \
                             its next delivery is answered {:?}",
                            answered.get()
                        ));
                    }
                }
            }
            let until = now() + wait;
            while self.step(until) {}
        }
        // Handlers that are long at work come to their end.
        for _ in 0..60 {
            let until = now() + MINUTE;
            while world(|world| !world.running.is_empty()) && self.step(until) {}
        }
        // The last replays come just after the last event is too old.
        let latest = world(|world| world.events.iter().map(|event| event.time).max()).unwrap_or(0);
        let too_old = latest - BEGINNING as i64 + self.settings.window.past.as_secs() as i64 + 2;
        let end = now().max(Micros::try_from(too_old).unwrap_or(0) * SECOND)
            + lease(&self.settings)
            + MINUTE;
        while self.step(end) {}
        self.check_end();
    }

    fn is_fresh(&self, event: usize) -> bool {
        let time = world(|world| world.events[event].time);
        // With room for clocks that were set, and for the time that a delivery takes.
        let age = BEGINNING as i64 + (now() / SECOND) as i64 - time;
        let past = self.settings.window.past.as_secs() as i64;
        (0..self.processes).all(|process| {
            let ahead = machine(process).ahead / SECOND as i64;
            age + ahead + 45 < past && -(age + ahead) < 55
        })
    }

    /// How long to wait for whoever rightly holds an event: a handler that runs, or a process that
    /// was killed, until its lease ends.
    fn excuse(&self, event: usize) -> Micros {
        let key = world(|world| world.events[event].key);
        if world(|world| world.running.values().any(|running| running.event == event)) {
            return 5 * SECOND;
        }
        // A transaction that somebody still has to end.
        if store(|store| store.model.is_locked(key) || store.model.is_an_entity_locked()) {
            return 5 * SECOND;
        }
        let Some(entry) = store(|store| store.model.claimed(now(), key)) else { return 0 };
        let (process, start) = entry.owner;
        if machine(process).start != start || world(|world| world.set_back || world.hurried) {
            let left = store(|store| entry.expires - store.model.clock(now()));
            return left + MILLI;
        }
        // Its handler has ended, and its end is on the way to the store.
        let called = store(|store| store.called.get(&process).copied()).unwrap_or(0);
        if world(|world| world.open[process] > 0) || now() < called + 8 * SECOND {
            return 5 * SECOND;
        }
        0
    }
}
