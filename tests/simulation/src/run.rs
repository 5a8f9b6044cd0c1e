//! One run: a world is made from the tape, things go wrong in it for a while, then nothing goes
//! wrong any more, and what must be true by then is looked at.

mod checks;
mod ending;
mod events;
mod troubles;

pub use self::troubles::kill_and_start;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use countersign::Window;

use crate::executor::{self, Micros, SECOND, change_machine, choose, machine, now};
use crate::faults::Fault;
use crate::network::{self, Shared, store};
use crate::operator;
use crate::parking::Attempts;
use crate::process::{SCHEDULES, SERVERS, Settings, provider};
use crate::sender;
use crate::tape::Tape;
use crate::world::{World, broken, forget_bodies, world};

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
                attempts: Attempts::choose(tape),
                by_tenant: tape.chance(1, 6),
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
            troubles::start(process, &settings);
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
}

fn lease(settings: &Settings) -> Micros {
    Micros::try_from(settings.lease.as_micros()).unwrap_or(Micros::MAX)
}
