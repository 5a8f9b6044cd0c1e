//! What a run knows of itself: its events, its handlers, and the first promise that was broken.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use countersign::{Delivery, EventKey};

use crate::executor::{Micros, Process, now};
use crate::secrets::Misled;
use crate::tenants::Tenant;

/// An event of the provider's, and what has become of it.
#[derive(Clone)]
pub struct Event {
    pub body: Rc<[u8]>,
    pub headers: Rc<Vec<(String, String)>>,
    pub key: EventKey,
    /// Whose it is, where the endpoint has tenants.
    pub tenant: Option<&'static Tenant>,
    /// The time in the body.
    pub time: i64,
    /// Whether handlers complete it in transactions of their own.
    pub in_transaction: bool,
    /// Which version of the one entity of its tenant it reports, if its handlers ask about that.
    pub version: Option<u32>,
    /// How many more runs of its handler fail for certain, as long as anything goes wrong.
    pub fails: u32,
    /// How often a delivery of it has been answered as parked.
    pub answered_parked: usize,
    /// Whether the sender has been answered 2xx.
    pub acknowledged: bool,
    /// Whether a handler has come to its good end.
    pub handled: bool,
    /// How often an operator has asked to forget it.
    pub asked_to_forget: u32,
}

impl Event {
    /// The entity that it is of.
    pub fn entity(&self) -> Option<&'static str> {
        self.tenant.map(|tenant| tenant.name)
    }
}

/// A handler that runs.
pub struct Running {
    pub event: usize,
    pub process: Process,
    pub delivery: Delivery,
}

#[derive(Default)]
pub struct World {
    pub events: Vec<Event>,
    pub running: BTreeMap<u64, Running>,
    next_running: u64,
    /// Which start of which process ended a handler, and when.
    pub ended: Vec<((Process, u32), Micros)>,
    pub broken: Option<String>,
    pub log: Option<Vec<String>>,
    /// Whether things still go wrong.
    pub troubled: bool,
    /// Whether nothing goes wrong from the beginning to the end.
    pub peaceful: bool,
    /// Deliveries that are being worked on, by process.
    pub open: Vec<usize>,
    /// How often each kind of call met each fate.
    pub coverage: BTreeMap<(&'static str, &'static str), u64>,
    pub cover: bool,
    /// What each process was given of wrong secrets.
    pub misled: BTreeMap<Process, Misled>,
    /// Whether the store's clock was set forward: leases, retentions and the memory of released tokens
    /// end early then.
    pub hurried: bool,
    /// Whether it was set back: a claim that could not be released in time lasts longer by as much.
    pub set_back: bool,
}

thread_local! {
    pub static WORLD: RefCell<World> = RefCell::default();
    /// How many bodies are in memory.
    static BODIES: Cell<usize> = const { Cell::new(0) };
}

pub fn world<T>(look: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| look(&mut world.borrow_mut()))
}

/// A line of the log, which is written only for whoever reads it.
pub fn say(line: impl FnOnce() -> String) {
    world(|world| {
        if let Some(log) = &mut world.log {
            let now = now();
            log.push(format!("{:>6}.{:06} {}", now / 1_000_000, now % 1_000_000, line()));
        }
    });
}

/// A promise is broken. The first one counts.
pub fn broken(what: impl Into<String>) {
    let what = what.into();
    say(|| format!("BROKEN: {what}"));
    world(|world| {
        world.broken.get_or_insert(what);
    });
}

impl World {
    pub fn cover(call: &'static str, fate: &'static str) {
        world(|world| {
            if world.cover && !fate.is_empty() {
                *world.coverage.entry((call, fate)).or_default() += 1;
            }
        });
    }

    pub fn add_running(&mut self, running: Running) -> u64 {
        self.next_running += 1;
        self.running.insert(self.next_running, running);
        self.next_running
    }
}

/// A body that counts itself for as long as anybody keeps it.
pub fn counted_body(bytes: &Rc<[u8]>) -> Bytes {
    struct Counted(Vec<u8>);

    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            BODIES.with(|bodies| bodies.set(bodies.get() - 1));
        }
    }

    BODIES.with(|bodies| bodies.set(bodies.get() + 1));
    Bytes::from_owner(Counted(bytes.to_vec()))
}

pub fn bodies() -> usize {
    BODIES.with(Cell::get)
}

pub fn forget_bodies() {
    BODIES.with(|bodies| bodies.set(0));
}
