//! Mistakes in how a middleware is mounted, which only a request can show.

use crate::dedup::Store;
use crate::delivery::Delivery;
use crate::receiver::Receiver;
use crate::rejection::{Rejection, RejectionKind};
use crate::trace;

impl<S: Store> Receiver<S> {
    /// For adapters, before [`begin`](Self::begin): the answer to a request that carries a delivery
    /// already, because it has passed another middleware, or this one before.
    ///
    /// If the second one went on, it would ask for the claim that the first one holds, and answer
    /// `in_flight` for ever. The log says so, with the request's path and what to `remove`. It is not
    /// reported to the observer: the first middleware reports the delivery as failed.
    #[must_use]
    pub fn applied_twice(&self, first: &Delivery, path: &str, remove: &str) -> Rejection {
        trace::applied_twice(self.endpoint(), first, path, remove);
        self.endpoint().reject(RejectionKind::Misconfigured).after_proof()
    }
}
