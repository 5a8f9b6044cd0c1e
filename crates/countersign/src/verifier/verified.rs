//! What is known of a delivery whose body was there already.

use std::fmt;

use time::OffsetDateTime;

use super::proven::time_is_proven;
use crate::endpoint::Endpoint;
use crate::window::UnixMillis;

/// A delivery whose head was good and whose proof holds; see [`Endpoint::verify`].
#[derive(Clone)]
pub struct Verified<'e> {
    endpoint: &'e Endpoint,
    /// The endpoint with the secrets that it was proven with, where they were replaced.
    replaced: Option<Endpoint>,
    secret: usize,
    time: Option<UnixMillis>,
}

impl<'e> Verified<'e> {
    #[inline(always)]
    pub(super) fn new(
        endpoint: &'e Endpoint,
        replaced: Option<Endpoint>,
        secret: usize,
        time: Option<UnixMillis>,
    ) -> Self {
        Self { endpoint, replaced, secret, time }
    }

    /// The time in the delivery's headers, where the proof covers it.
    #[must_use]
    pub fn time(&self) -> Option<OffsetDateTime> {
        let spec = self.endpoint.provider().spec();
        self.time.filter(|_| time_is_proven(spec))?.to_offset_date_time()
    }

    /// The label of the secret that matched, where it has one.
    #[must_use]
    pub fn secret_label(&self) -> Option<&str> {
        self.replaced
            .as_ref()
            .unwrap_or(self.endpoint)
            .inner()
            .secrets
            .labels
            .get(self.secret)?
            .as_deref()
    }

    /// Which of the endpoint's secrets matched: 0 is the current one, others are older.
    #[must_use]
    pub fn secret_index(&self) -> usize {
        self.secret
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("endpoint", &self.endpoint.name())
            .field("secret_index", &self.secret)
            .field("time", &self.time())
            .finish_non_exhaustive()
    }
}
