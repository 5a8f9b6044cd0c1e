//! Attempts that are counted and events that are parked: what endpoints are set to, and what must be true.

use std::time::Duration;

use countersign::{Delivery, EndpointBuilder, Parking};

use crate::executor::{MILLI, SECOND};
use crate::network::store;
use crate::tape::Tape;
use crate::world::{World, broken, world};

/// What an endpoint does about attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    NotCounted,
    Counted,
    /// After so many failed ones, and no sooner than so many seconds.
    Parked {
        after: u32,
        no_sooner_than: u64,
    },
}

/// Why a handler parks an event.
pub const GIVES_UP: &str = "the handler gives up";

impl Attempts {
    pub fn choose(tape: &mut Tape) -> Self {
        match tape.below(6) {
            0..=2 => Self::NotCounted,
            3 => Self::Counted,
            _ => Self::Parked {
                after: 1 + tape.below(3),
                no_sooner_than: tape.pick(&[0, 0, 15, 100]),
            },
        }
    }

    pub fn of(self, endpoint: EndpointBuilder) -> EndpointBuilder {
        match self {
            Self::NotCounted => endpoint,
            Self::Counted => endpoint.count_attempts(),
            Self::Parked { after, no_sooner_than } => endpoint
                .park(Parking::after(after).no_sooner_than(Duration::from_secs(no_sooner_than))),
        }
    }

    /// A handler begins.
    pub fn check(self, event: usize, delivery: &Delivery) {
        let (answered, hurried) =
            world(|world| (world.events[event].answered_parked, world.hurried));
        // A lease that the store ended early is one that this handler still takes for its own.
        if answered > 0 && !hurried {
            let forgotten = store(|store| store.model.ledger(delivery.key()).forgotten_parked);
            if answered > forgotten {
                broken(format!(
                    "parked: event {event} is handled, though it was answered as parked and was \
                     not forgotten"
                ));
            }
        }
        match (self, delivery.attempt()) {
            (Self::Parked { after, no_sooner_than: 0 }, Some(number)) if number > after => {
                broken(format!(
                    "parked: event {event} is tried for the {number}th time, and was to be parked \
                     after {after}"
                ));
            }
            (Self::NotCounted, None) | (Self::Counted | Self::Parked { .. }, Some(_)) => {}
            (_, number) => {
                broken(format!("attempts: event {event} is tried as attempt {number:?}"));
            }
        }
    }

    /// An event is parked after as many attempts as the endpoint says and as late, or by its handler; at
    /// most once, and once more for each time that it was forgotten.
    pub fn check_end(self, event: usize) {
        let key = world(|world| world.events[event].key);
        let ledger = store(|store| store.model.ledger(key));
        let clock_is_set = world(|world| world.hurried || world.set_back);
        for park in ledger.parks.iter().filter(|park| park.reason != GIVES_UP) {
            let Self::Parked { after, no_sooner_than } = self else {
                broken(format!("parked: event {event} was parked, and nobody asked for it"));
                return;
            };
            if !park.is_counted {
                continue;
            }
            if park.attempts < after as usize {
                broken(format!(
                    "parked: event {event} was parked after {} attempts instead of {after}",
                    park.attempts
                ));
            }
            // Clocks of different speeds.
            let least = (no_sooner_than * SECOND).saturating_sub(no_sooner_than * MILLI);
            if park.waited < least && !clock_is_set {
                broken(format!(
                    "parked: event {event} was parked {} ms after its first attempt, and was to \
                     be tried for {no_sooner_than} s",
                    park.waited / MILLI
                ));
            }
        }
    }
}

/// A delivery is answered as parked.
pub fn answered(event: usize) {
    World::cover("event", "parked");
    let (key, answered) = world(|world| {
        let event = &mut world.events[event];
        event.answered_parked += 1;
        (event.key, event.answered_parked)
    });
    let parked = store(|store| store.model.ledger(key).parks.len());
    if answered > parked {
        broken(format!(
            "parked: event {event} was answered as parked {answered} times, and parked {parked} times"
        ));
    }
}
