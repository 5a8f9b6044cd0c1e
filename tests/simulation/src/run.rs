//! One run: a world is made from the tape, things go wrong in it for a while, then nothing goes
//! wrong any more, and what must be true by then is looked at.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use countersign::testing::Signer;
use countersign::{Endpoint, Secret, Window};

use crate::executor::{
    self, BEGINNING, MILLI, Micros, SECOND, after, at, change_machine, choose, machine, now,
    tasks_of,
};
use crate::faults::Fault;
use crate::network::{self, Shared, store};
use crate::operator;
use crate::process::{
    MINUTE, SCHEDULES, SECRET, SERVERS, Server, Settings, provider, server, set_server,
};
use crate::sender;
use crate::tape::Tape;
use crate::world::{Event, World, bodies, broken, forget_bodies, say, world};

/// How a run has ended.
pub struct Ended {
    /// The first promise that was broken.
    pub broken: Option<String>,
    pub tape: Vec<u32>,
    pub log: Vec<String>,
    pub coverage: BTreeMap<(&'static str, &'static str), u64>,
    /// What went wrong in it, besides messages.
    pub troubles: u32,
    pub steps: u64,
}

/// What a run is asked for.
#[derive(Clone, Copy, Default)]
pub struct Wanted {
    pub fault: Option<Fault>,
    pub log: bool,
    pub coverage: bool,
}

/// More steps than any run takes that comes to an end.
const MOST_STEPS: u64 = 3_000_000;

pub fn run(tape: Tape, wanted: Wanted) -> Ended {
    executor::begin(tape, operator::OPERATOR + 1);
    executor::start(operator::OPERATOR);
    forget_bodies();
    network::STORE.with(|store| *store.borrow_mut() = Shared::default());
    world(|world| {
        *world = World::default();
        (world.troubled, world.cover) = (true, wanted.coverage);
        world.log = wanted.log.then(Vec::new);
    });
    let mut run = Run::prepare(wanted.fault);
    run.go();
    let (troubles, steps) = (run.troubles, run.steps);
    // The end of the world: nothing of what it drops counts.
    SERVERS.with(|servers| std::mem::take(&mut *servers.borrow_mut()));
    let tape = executor::end();
    let servers = SERVERS.with(RefCell::take);
    drop(servers);
    let World { broken, log, coverage, running, .. } = world(std::mem::take);
    drop(running);
    let shared = network::STORE.with(|store| std::mem::take(&mut *store.borrow_mut()));
    drop(shared);
    let log = log.unwrap_or_default();
    Ended { broken, tape: tape.made().to_vec(), log, coverage, troubles, steps }
}

struct Run {
    settings: Rc<Settings>,
    processes: usize,
    /// Whether machines' times of day are set: an old delivery can be fresh again by as much, so the
    /// retention has to be longer.
    clocks_are_set: bool,
    /// When things stop going wrong.
    calm_at: Micros,
    troubles: u32,
    steps: u64,
}

impl Run {
    fn prepare(fault: Option<Fault>) -> Self {
        let (processes, settings, trouble, length, clocks_are_set) = choose(|tape| {
            let processes = 1 + tape.below(4) as usize;
            let waits = SCHEDULES[[0, 0, 0, 1, 2, 3, 4][tape.below(7) as usize]];
            let horizon: u64 = waits.iter().sum();
            let future = 60;
            let window = Window::new(
                Duration::from_secs(horizon + [60, 5, 600][tape.below(3) as usize]),
                Duration::from_secs(future),
            );
            let lease = tape.pick(&[60, 30, 8, 120, 300, 4]).min(horizon / 2);
            let clocks_are_set = tape.chance(1, 2);
            let margin = Duration::from_secs(if clocks_are_set { 10 * 3_600 } else { 0 });
            let settings = Settings {
                provider: provider(waits),
                waits,
                window,
                lease: Duration::from_secs(lease),
                // As short as an endpoint may have it.
                retention: window.span() + margin,
                cancel_on_disconnect: tape.chance(1, 2),
                fault,
            };
            let trouble = tape.pick(&[0, 2, 8, 24]);
            (processes, settings, trouble, horizon * 3 / 4, clocks_are_set)
        });
        store(|store| {
            store.model.fault = fault;
            store.trouble = trouble;
        });
        world(|world| world.open = vec![0; processes]);
        SERVERS.with(|servers| *servers.borrow_mut() = vec![None; processes]);
        let settings = Rc::new(settings);
        for process in 0..processes {
            // A hundred parts in a million is what a bad crystal does.
            let drift = choose(|tape| tape.pick(&[0, 100, -100, 30]));
            change_machine(process, |machine| machine.drift = drift);
            start(process, &settings);
        }
        Self {
            settings,
            processes,
            clocks_are_set,
            calm_at: length * SECOND,
            troubles: 0,
            steps: 0,
        }
    }

    fn go(&mut self) {
        self.add_events();
        self.add_troubles();
        let peaceful = self.troubles == 0 && store(|store| store.trouble) == 0;
        world(|world| world.peaceful = peaceful);
        let kill_rarely = choose(|tape| tape.chance(1, 4));
        while self.step(self.calm_at) {
            // At any point at which a task waits.
            if kill_rarely && choose(|tape| tape.chance(1, 512)) {
                self.kill(choose(sender::any_process));
            }
        }
        self.calm();
        let paused = (0..self.processes).map(|process| machine(process).paused_until).max();
        let settled = now().max(paused.unwrap_or(0)) + 20 * SECOND;
        while self.step(settled) {}
        self.check_claims();
        self.finish();
    }

    fn step(&mut self, until: Micros) -> bool {
        self.steps += 1;
        if self.steps == MOST_STEPS {
            broken("the run does not end: something goes on for ever");
        }
        if world(|world| world.broken.is_some()) {
            return false;
        }
        let stepped = executor::step(until);
        if self.steps.is_multiple_of(16) {
            self.check_memory();
            self.check_orphans();
            self.check_shutdown();
        }
        stepped
    }

    fn add_events(&self) {
        for number in 0..=choose(|tape| tape.below(3)) as usize {
            let (begins, ahead, in_transaction) = choose(|tape| {
                let begins = Micros::from(tape.below(20)) * SECOND;
                // The provider's clock may be as far ahead as the window allows.
                let ahead = tape.pick(&[0, 0, 59, 60, -3]);
                (begins, ahead, tape.chance(1, 2))
            });
            let time = BEGINNING as i64 + (begins / SECOND) as i64 + ahead;
            let event = event(&self.settings, number, time, in_transaction);
            world(|world| world.events.push(event));
            let settings = Rc::clone(&self.settings);
            at(begins, move || sender::send(number, &settings));
            self.add_replays(number, time);
            operator::plan(number, self.calm_at, &self.settings);
        }
    }

    /// A listener sends what it has captured: at any time, and just when it is too old.
    fn add_replays(&self, event: usize, time: i64) {
        let past = self.settings.window.past.as_secs() as i64;
        let too_old = time - BEGINNING as i64 + past;
        for _ in 0..choose(|tape| tape.below(4)) {
            let when = choose(|tape| match tape.below(3) {
                0 => Micros::from(tape.below(600)) * SECOND / 4,
                1 => {
                    let edge = Micros::try_from(too_old).unwrap_or(0) * SECOND;
                    (edge + SECOND / 2).saturating_sub(Micros::from(tape.below(2_000)) * MILLI)
                }
                _ => Micros::from(tape.below(3_000)) * MILLI,
            });
            let settings = Rc::clone(&self.settings);
            at(when, move || {
                let process = choose(sender::any_process);
                say(|| format!("a listener replays event {event}"));
                sender::deliver(event, process, &settings, |_| {});
            });
        }
    }

    fn add_troubles(&mut self) {
        let (processes, calm_at) = (self.processes, self.calm_at);
        for _ in 0..choose(|tape| tape.below(8)) {
            self.troubles += 1;
            let (when, long) = choose(|tape| {
                // Most of what happens happens in the first minutes.
                let when = Micros::from(tape.below(800)) * SECOND / 4;
                (when.min(calm_at), Micros::from(tape.below(1_200)) * SECOND / 8)
            });
            let process = choose(|tape| tape.below(processes as u32) as usize);
            let settings = Rc::clone(&self.settings);
            let lease = lease(&settings);
            let what = choose(|tape| tape.below(7));
            // In half of the worlds every clock is right.
            match if self.clocks_are_set { what } else { what % 4 } {
                0 => at(when, move || kill_and_start(process, long, &settings)),
                1 => at(when, move || {
                    // Some servers that are too busy work for a while and answer nobody in time.
                    let mute = choose(|tape| tape.below(8).saturating_sub(1)) as Micros * lease / 4;
                    World::cover("store", if mute > 0 { "mute, then away" } else { "away" });
                    say(|| format!("the store answers nothing for {} s", mute / SECOND));
                    store(|store| store.mute_until = now() + mute);
                    after(mute, move || {
                        if world(|world| world.troubled) {
                            say(|| format!("the store is away for {} s", long / SECOND));
                            store(|store| store.away_until = now() + long);
                        }
                    });
                }),
                2 => at(when, move || {
                    World::cover("process", "paused");
                    say(|| format!("process {process} is paused for {} s", long / SECOND));
                    change_machine(process, |machine| {
                        machine.paused_until = machine.paused_until.max(now() + long);
                    });
                }),
                3 => at(when, move || {
                    World::cover("network", "storm");
                    say(|| format!("most messages go wrong for {} s", long / SECOND));
                    store(|store| store.storm_until = now() + long);
                }),
                4 => at(when, move || {
                    let by = choose(|tape| tape.pick(&[5, -5, 40, -40, -3_600]));
                    World::cover("process", "clock set");
                    say(|| format!("the clock of process {process} is set by {by} s"));
                    change_machine(process, |machine| machine.ahead += by * SECOND as i64);
                }),
                5 => at(when, move || {
                    let by = choose(|tape| tape.pick(&[1, 30, 600]));
                    World::cover("store", "clock set back");
                    say(|| format!("the store's clock is set back by {by} s"));
                    world(|world| world.set_back = true);
                    store(|store| store.model.ahead -= by * SECOND as i64);
                }),
                _ => at(when, move || {
                    let by = choose(|tape| tape.pick(&[3, 90, 7_200]));
                    World::cover("store", "clock set forward");
                    say(|| format!("the store's clock is set forward by {by} s"));
                    world(|world| world.hurried = true);
                    store(|store| store.model.ahead += by * SECOND as i64);
                }),
            }
        }
    }

    fn kill(&mut self, process: usize) {
        let long = choose(|tape| Micros::from(tape.below(400)) * SECOND / 8);
        kill_and_start(process, long, &self.settings);
    }

    /// From here on nothing goes wrong.
    fn calm(&mut self) {
        say(|| "from here on nothing goes wrong".to_owned());
        world(|world| world.troubled = false);
        store(|store| {
            store.trouble = 0;
            (store.mute_until, store.away_until, store.storm_until) = (0, 0, 0);
        });
        for process in 0..self.processes {
            if !machine(process).is_up {
                start(process, &self.settings);
            }
        }
    }

    /// Every claim that is held by then has somebody who will settle it, or had, and was killed.
    fn check_claims(&self) {
        let events = world(|world| world.events.clone());
        for (number, event) in events.iter().enumerate() {
            let Some(entry) = store(|store| store.model.claimed(now(), event.key)) else {
                continue;
            };
            let (process, start) = entry.owner;
            let alive = machine(process).is_up && machine(process).start == start;
            // A handler's transaction that is still open holds it.
            let locked = store(|store| store.model.is_locked(event.key));
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
    fn check_orphans(&self) {
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

    /// The next delivery of each event is handled, unless somebody works on it.
    fn finish(&mut self) {
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
        if store(|store| store.model.is_locked(key)) {
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

    /// A shutdown waits for handlers, and for the settling of claims that were made.
    fn check_shutdown(&self) {
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
    fn check_memory(&self) {
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

    fn check_end(&self) {
        if world(|world| world.broken.is_some()) {
            return;
        }
        let events = world(|world| world.events.clone());
        for (number, event) in events.iter().enumerate() {
            let effects = store(|store| store.model.effects.get(&event.key).copied()).unwrap_or(0);
            let forgotten = store(|store| store.model.forgotten.get(&event.key).copied());
            if effects > 1 + forgotten.unwrap_or(0) && !world(|world| world.hurried) {
                broken(format!("P5: the effect of event {number} happened {effects} times"));
            }
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

fn lease(settings: &Settings) -> Micros {
    Micros::try_from(settings.lease.as_micros()).unwrap_or(Micros::MAX)
}

fn start(process: usize, settings: &Rc<Settings>) {
    executor::start(process);
    set_server(process, Some(Server::new(process, settings)));
}

fn kill_and_start(process: usize, down: Micros, settings: &Rc<Settings>) {
    if !machine(process).is_up || !world(|world| world.troubled) {
        return;
    }
    World::cover("process", "killed");
    say(|| format!("process {process} is killed, for {} s", down / SECOND));
    executor::kill(process);
    set_server(process, None);
    let settings = Rc::clone(settings);
    after(down, move || {
        if !machine(process).is_up {
            say(|| format!("process {process} is started again"));
            start(process, &settings);
        }
    });
}

fn event(settings: &Settings, number: usize, time: i64, in_transaction: bool) -> Event {
    let secret = Secret::new(SECRET).expect("a secret");
    let body = format!(r#"{{"id":"evt_{number}","type":"simulated","time":{time}}}"#);
    let headers = Signer::new(&settings.provider, &secret).sign(&body);
    let endpoint = Endpoint::builder("simulated", settings.provider.clone())
        .secret(secret)
        .clock(countersign::ManualClock::at(
            std::time::UNIX_EPOCH + Duration::from_secs(time as u64),
        ))
        .build()
        .expect("an endpoint");
    let mut incoming = endpoint.begin(&headers).expect("a good head");
    incoming.push(body.clone().into()).expect("a small body");
    let key = incoming.finish().expect("a genuine event").key();
    Event {
        body: body.into_bytes().into(),
        headers: Rc::new(headers),
        key,
        time,
        in_transaction,
        acknowledged: false,
        handled: false,
        asked_to_forget: 0,
    }
}
