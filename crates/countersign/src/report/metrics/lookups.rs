//! Look-ups of secrets, and how they ended.

use std::sync::OnceLock;

use metrics::Counter;

use super::endpoint::Named;
use super::names::SECRET_LOOKUPS;
use super::recorder::with_recorder;
use crate::endpoint::Endpoint;

/// The counters, once there is a recorder.
#[derive(Default)]
pub(crate) struct LookupMetrics(OnceLock<[Counter; 3]>);

impl LookupMetrics {
    /// From here on each outcome is there, with a zero, so that the first look-up that fails is seen.
    pub(crate) fn begin(&self, endpoint: &Endpoint) {
        self.counters(endpoint);
    }

    pub(crate) fn known(&self, endpoint: &Endpoint) {
        self.count(endpoint, |[known, _, _]| known);
    }

    pub(crate) fn unknown(&self, endpoint: &Endpoint) {
        self.count(endpoint, |[_, unknown, _]| unknown);
    }

    pub(crate) fn failed(&self, endpoint: &Endpoint) {
        self.count(endpoint, |[_, _, failed]| failed);
    }

    fn count(&self, endpoint: &Endpoint, which: impl Fn(&[Counter; 3]) -> &Counter) {
        if let Some(counters) = self.counters(endpoint) {
            which(counters).increment(1);
        }
    }

    fn counters(&self, endpoint: &Endpoint) -> Option<&[Counter; 3]> {
        with_recorder(|recorder| {
            self.0.get_or_init(|| {
                let named = Named { endpoint: endpoint.name(), recorder };
                ["known", "unknown", "failed"]
                    .map(|outcome| named.counter(SECRET_LOOKUPS, &[("outcome", outcome)]))
            })
        })
    }
}
