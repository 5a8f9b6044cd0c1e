//! What must be true at every moment, and at the end.

use super::{Run, lease};
use crate::executor::{SECOND, machine, now, tasks_of};
use crate::network::store;
use crate::operator;
use crate::process::server;
use crate::world::{bodies, broken, world};

impl Run {
    /// Every claim that is held by then has somebody who will settle it, or had, and was killed.
    pub(super) fn check_claims(&self) {
        let events = world(|world| world.events.clone());
        for (number, event) in events.iter().enumerate() {
            let Some(entry) = store(|store| store.model.claimed(now(), event.key)) else {
                continue;
            };
            let (process, start) = entry.owner;
            let alive = machine(process).is_up && machine(process).start == start;
            // A handler's transaction that is still open holds it.
            let locked = store(|store| store.model.is_locked(event.key));
            // Where it has just ended, the next call that settles comes within seconds.
            let called = store(|store| store.called.get(&process).copied()).unwrap_or(0);
            let locked = locked || (event.in_transaction && now() < called + 8 * SECOND);
            let works = world(|world| {
                world.open[process] > 0
                    || locked
                    || world.running.values().any(|running| running.process == process)
            });
            if alive && !works && !world(|world| world.set_back || world.hurried) {
                broken(format!(
                    "P4: process {process} holds the claim of event {number} and nobody there \
                     works on it"
                ));
            }
        }
    }

    /// No process that does nothing holds a claim: nobody would settle it.
    pub(super) fn check_orphans(&self) {
        if world(|world| world.set_back || world.hurried) {
            return;
        }
        for number in 0..world(|world| world.events.len()) {
            let (key, in_transaction) =
                world(|world| (world.events[number].key, world.events[number].in_transaction));
            let Some(entry) = store(|store| store.model.claimed(now(), key)) else { continue };
            let (process, start) = entry.owner;
            let left = store(|store| entry.expires - store.model.clock(now()));
            let alive = machine(process).is_up && machine(process).start == start;
            // A task may watch over leases for a while when there are none, and calls nobody; one
            // that settles calls every few seconds. And a handler's transaction may be open.
            let called = store(|store| store.called.get(&process).copied()).unwrap_or(0);
            let ended = world(|world| {
                let ended = world.ended.iter().rev();
                let mut ended = ended.take_while(|(_, time)| now() < time + 9 * SECOND);
                ended.any(|(owner, _)| *owner == entry.owner)
            });
            let works = world(|world| world.open[process] > 0)
                || ended
                || tasks_of(process) > 1
                || now() < called.max(machine(process).paused_until) + 9 * SECOND
                || (in_transaction && store(|store| store.model.is_locked(key)));
            if alive && !works && left > SECOND {
                broken(format!(
                    "P4: process {process} does nothing and holds the claim of event {number} for \
                     {} s more",
                    left / SECOND
                ));
            }
        }
    }

    /// A shutdown waits for handlers, and for the settling of claims that were made.
    pub(super) fn check_shutdown(&self) {
        let settling = now().saturating_sub(lease(&self.settings) + 10 * SECOND);
        for process in 0..self.processes {
            let Some(server) = server(process).filter(|_| machine(process).is_up) else { continue };
            let (start, paused) = (machine(process).start, machine(process).paused_until);
            if paused > settling {
                continue;
            }
            let (open, ended) = world(|world| {
                let ended = world.ended.iter().rev();
                let ended = ended.take_while(|(_, time)| *time >= settling.max(1));
                (world.open[process], ended.filter(|(owner, _)| *owner == (process, start)).count())
            });
            let waits_for = server.tasks.running();
            if waits_for > open + ended && !world(|world| world.set_back || world.hurried) {
                broken(format!(
                    "P4: a shutdown of process {process} waits for {waits_for} handlers; {open} \
                     deliveries are being worked on, and {ended} claims may be unsettled"
                ));
            }
        }
    }

    /// No more is in memory than deliveries that are being worked on.
    pub(super) fn check_memory(&self) {
        let (open, running) =
            world(|world| (world.open.iter().sum::<usize>(), world.running.len()));
        // A handler that has ended may still hold its delivery for a moment.
        if bodies() > open + running {
            broken(format!(
                "memory: {} bodies are kept for {open} deliveries that are being worked on",
                bodies()
            ));
        }
    }

    pub(super) fn check_end(&self) {
        if world(|world| world.broken.is_some()) {
            return;
        }
        let events = world(|world| world.events.clone());
        for (number, event) in events.iter().enumerate() {
            let (ledger, in_effect) = store(|store| {
                (store.model.ledger(event.key), store.model.in_effect(event.entity()))
            });
            let effects = ledger.effects;
            if effects > 1 + ledger.forgotten && !world(|world| world.hurried) {
                broken(format!("P5: the effect of event {number} happened {effects} times"));
            }
            if let Some(version) = event.version
                && ledger.marked > 0
                && effects == 0
                && in_effect <= version
            {
                broken(format!("order: event {number} is the newest and has no effect"));
            }
            self.settings.attempts.check_end(number);
            operator::check_end(number);
            if let Some(entry) = store(|store| store.model.claimed(now(), event.key))
                && !world(|world| world.set_back || world.hurried)
            {
                let (process, _) = entry.owner;
                broken(format!("P4: process {process} holds event {number} for ever"));
            }
        }
        for process in 0..self.processes {
            if tasks_of(process) > 0 {
                let count = tasks_of(process);
                broken(format!("process {process} has {count} tasks with nothing to do"));
            }
            if let Some(server) = server(process) {
                server.check_idle();
            }
        }
        if bodies() > 0 {
            broken(format!("memory: {} bodies are kept for ever", bodies()));
        }
    }
}
