//! Which secret proves the deliveries. They are counted by set, because another set has other secrets.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

use metrics::Counter;

use super::endpoint::Named;
use super::names::SECRET_MATCHES;
use super::recorder::with_recorder;
use crate::endpoint::Endpoint;

/// The counters of a set's secrets, once there is a recorder.
#[derive(Default)]
pub(crate) struct SecretMetrics(OnceLock<Box<[Counter]>>);

impl SecretMetrics {
    /// Makes the series, each with a zero, if there is a recorder.
    pub(crate) fn begin(&self, endpoint: &Endpoint) -> Option<&[Counter]> {
        let counters = with_recorder(|recorder| {
            self.0.get_or_init(|| {
                let named = Named { endpoint: endpoint.name(), recorder };
                let secrets = 0..endpoint.secrets().labels.len();
                let secrets = secrets.map(|secret| {
                    let label = endpoint.secrets().shown(secret);
                    let label = match endpoint.secrets().is_looked_up {
                        true => endpoint.metrics().key_labels.known(label),
                        false => label,
                    };
                    named.counter(SECRET_MATCHES, &[("secret", &label)])
                });
                secrets.collect()
            })
        });
        counters.map(|counters| &**counters)
    }

    /// This secret has proven a delivery.
    pub(crate) fn matched(&self, endpoint: &Endpoint, secret: usize) {
        let counters = self.0.get().map(|counters| &**counters);
        let counters = counters.or_else(|| self.begin(endpoint));
        if let Some(counter) = counters.and_then(|counters| counters.get(secret)) {
            counter.increment(1);
        }
    }
}

/// The labels of looked-up secrets that are in the metrics. A recorder keeps each series for ever, and whoever
/// publishes keys can name the next ones as they like.
#[derive(Default)]
pub(super) struct KeyLabels(Mutex<HashSet<Box<str>>>);

impl KeyLabels {
    /// So many have series of their own. With a new key each day, that is most of a year.
    const MOST: usize = 256;

    /// The label, or that of all others.
    fn known<'a>(&self, label: Cow<'a, str>) -> Cow<'a, str> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&*label) {
            return label;
        }
        if known.len() >= Self::MOST {
            return "other".into();
        }
        known.insert((&*label).into());
        label
    }
}
