//! What operators ask of a store, and what it answers.

use std::time::Duration;

/// What [`Store::forget`](super::Store::forget) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forgotten {
    /// The event was handled, and is forgotten: its next delivery is handled again.
    Forgotten,
    /// The store did not remember the event as handled, so there was nothing to forget and nothing has
    /// changed: its next delivery is handled anyway.
    NotHandled,
    /// The event is being handled. Nothing has changed.
    InFlight {
        /// When the lease ends, unless it is renewed or settled before.
        retry_after: Duration,
    },
}

/// What a store knows of one event: what [`Store::state`](super::Store::state) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventState {
    /// Nothing: it never came, or is forgotten. Its next delivery is handled.
    Unknown,
    /// It is being handled.
    InFlight {
        /// What is left of the lease.
        left: Duration,
    },
    /// It was handled. Its further deliveries are acknowledged and not handled.
    Handled {
        /// What is left of the retention.
        left: Duration,
    },
    /// Nobody has it, and within the last [five minutes](super::RELEASED_FOR) an attempt to handle it
    /// failed, or it was forgotten. Its next delivery is handled.
    Released,
}

/// How much a store holds: what [`Store::stats`](super::Store::stats) answers.
///
/// There are no counts for each endpoint: a store knows events by their keys alone, and the name of
/// the endpoint is hashed into the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Events that are being handled.
    pub in_flight: u64,
    /// Events that were handled and are remembered. Without those that are parked.
    pub handled: u64,
    /// Events that are [parked](super::Store::park).
    pub parked: u64,
    /// Attempts that failed, and events that were forgotten, within the last
    /// [five minutes](super::RELEASED_FOR).
    pub released: u64,
    /// What has run out and takes room until it is purged.
    pub expired: u64,
}

impl StoreStats {
    /// Nothing is held.
    #[must_use]
    pub const fn new() -> Self {
        Self { in_flight: 0, handled: 0, parked: 0, released: 0, expired: 0 }
    }
}
