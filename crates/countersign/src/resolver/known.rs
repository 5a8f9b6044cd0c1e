//! Secrets that a look-up has found.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::millis;
use crate::endpoint::Endpoint;
use crate::error::ConfigError;
use crate::secret::Secret;

/// The secrets of a tenant, or of all deliveries.
pub(super) struct Known {
    all: Endpoint,
    /// For deliveries that name their key: each with those of the secrets that it names, and those that
    /// have no id.
    by_key_id: HashMap<Box<str>, Endpoint>,
    /// The latter alone, if there are any.
    without_id: Option<Endpoint>,
    /// When their look-up began: what was changed after that may not be in them.
    pub(super) at: Duration,
    /// When they are looked up again, in milliseconds.
    next: AtomicU64,
    /// Until when no look-up is made for deliveries that match none of them, in milliseconds.
    paused_until: AtomicU64,
}

impl Known {
    pub(super) fn new(
        endpoint: &Endpoint,
        tenant: Option<&str>,
        secrets: &[Secret],
        names_keys: bool,
        (now, fresh_for): (Duration, Duration),
    ) -> Result<Self, ConfigError> {
        let mut known = Self {
            all: endpoint.with_resolved(tenant, secrets)?,
            by_key_id: HashMap::new(),
            without_id: None,
            at: now,
            next: AtomicU64::new(millis(now.saturating_add(fresh_for))),
            paused_until: AtomicU64::new(0),
        };
        if !names_keys {
            return Ok(known);
        }
        let (mut with_id, mut without_id) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for place in secrets.iter().enumerate() {
            match place.1.key_id() {
                Some(id) => with_id.entry(id).or_default().push(place),
                None => without_id.push(place),
            }
        }
        if !without_id.is_empty() {
            known.without_id = Some(known.all.with_some(&without_id)?);
        }
        for (id, mut named) in with_id {
            named.extend_from_slice(&without_id);
            named.sort_unstable_by_key(|(index, _)| *index);
            known.by_key_id.insert(id.into(), known.all.with_some(&named)?);
        }
        Ok(known)
    }

    /// The endpoint for a delivery that names this key, or none; nothing if the key is not known.
    pub(super) fn endpoint(&self, key_id: Option<&str>) -> Option<&Endpoint> {
        match key_id {
            None => Some(&self.all),
            Some(id) => self.by_key_id.get(id).or(self.without_id.as_ref()),
        }
    }

    /// Whether keys have ids.
    pub(super) fn has_ids(&self) -> bool {
        !self.by_key_id.is_empty()
    }

    /// Whether there is a key of this id.
    pub(super) fn has(&self, key_id: &str) -> bool {
        self.by_key_id.contains_key(key_id)
    }

    /// Whether it is time to look them up again: this is so for one delivery, and after a pause for the next one. If
    /// they could not be looked up just now for another reason, that pause ends first.
    pub(super) fn turn(&self, now: Duration, pause: Duration) -> bool {
        let next = self.next.load(Ordering::Relaxed);
        let after = millis(now.saturating_add(pause));
        millis(now) >= next
            && !self.is_paused(now)
            && self.next.compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// A look-up has failed: until the end of a pause, deliveries that match none of these cause no other.
    pub(super) fn pause(&self, now: Duration, pause: Duration) {
        self.paused_until.store(millis(now.saturating_add(pause)), Ordering::Relaxed);
    }

    /// Whether there may be others by now, and they can be looked up.
    pub(super) fn may_be_old(&self, now: Duration, again_after: Duration) -> bool {
        now.saturating_sub(self.at) >= again_after && !self.is_paused(now)
    }

    /// Whether they could not be looked up just now.
    pub(super) fn is_paused(&self, now: Duration) -> bool {
        millis(now) < self.paused_until.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::catalogue;

    /// There is a set for each key. Each made of all secrets would be the square of their number.
    #[test]
    fn sets_of_some_keys_share_what_all_have_in_common() {
        let github = catalogue::provider("github").unwrap();
        let endpoint = Endpoint::builder("github", github).secret(Secret::new("static").unwrap());
        let endpoint = endpoint.build().unwrap();
        let secret = |key: usize| {
            Secret::new(format!("secret {key}"))
                .unwrap()
                .labeled("label")
                .with_key_id(key.to_string())
        };
        let secrets: Vec<_> = (0..64).map(secret).collect();
        let times = (Duration::ZERO, Duration::ZERO);
        let known = Known::new(&endpoint, None, &secrets, true, times).unwrap();
        for endpoint in known.by_key_id.values() {
            assert!(Arc::ptr_eq(&endpoint.secrets().labels, &known.all.secrets().labels));
        }
    }
}
