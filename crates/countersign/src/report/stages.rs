//! How long the parts of a delivery's way took.

use std::time::Duration;

use crate::endpoint::Endpoint;

/// How long the parts of a delivery's way took, by the endpoint's [`Clock`](crate::Clock). None for a
/// part that the delivery did not come to, or that nobody wanted to know of when it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stages {
    /// From the request's head until the body was there, proven and read. Most of it is the sender's
    /// time.
    pub proof: Option<Duration>,
    /// The store's answer to the claim.
    pub claim: Option<Duration>,
    /// The handler, until it answered, panicked or was cancelled.
    pub handler: Option<Duration>,
    /// The store's answer to what settles the claim, as far as the sender waited for it.
    pub settle: Option<Duration>,
}

impl Stages {
    /// Of a delivery that nobody wanted to know of.
    pub(crate) const NONE: &Self = &Self { proof: None, claim: None, handler: None, settle: None };
}

/// Measures one part after the other. It is in a box, and only where somebody wants to know: it is in
/// every delivery's future.
#[derive(Default)]
pub(crate) struct Laps(Option<Box<Measured>>);

struct Measured {
    stages: Stages,
    /// When the present part began.
    began: Duration,
}

impl Laps {
    /// The claim is asked for, at this time of the endpoint's clock.
    pub(crate) fn begin(&mut self, proof: Option<Duration>, began: Duration) {
        let stages = Stages { proof, ..Stages::default() };
        self.0 = Some(Box::new(Measured { stages, began }));
    }

    pub(crate) fn stages(&self) -> &Stages {
        self.0.as_ref().map_or(Stages::NONE, |measured| &measured.stages)
    }

    /// The claim is answered.
    pub(crate) fn claimed(&mut self, endpoint: &Endpoint) {
        if let Some(measured) = &mut self.0 {
            measured.stages.claim = Some(measured.lap(endpoint));
        }
    }

    /// The handler has ended.
    pub(crate) fn handled(&mut self, endpoint: &Endpoint) {
        if let Some(measured) = &mut self.0 {
            measured.stages.handler = Some(measured.lap(endpoint));
        }
    }

    /// The store has answered what settles the claim, or is not waited for any more.
    pub(crate) fn settled(&mut self, endpoint: &Endpoint) {
        if let Some(measured) = &mut self.0 {
            measured.stages.settle = Some(measured.lap(endpoint));
        }
    }
}

impl Measured {
    fn lap(&mut self, endpoint: &Endpoint) -> Duration {
        let now = endpoint.monotonic();
        now.saturating_sub(std::mem::replace(&mut self.began, now))
    }
}
