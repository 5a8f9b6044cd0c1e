//! A provider is data: where its proof, its time, its type and its id are, and how it retries.

mod build;
mod builder;
mod describe;
mod families;
mod retries;
mod timestamp;
mod unverified;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use crate::key::KeySpec;
pub use builder::ProviderBuilder;
pub use retries::Retries;
pub use timestamp::Timestamp;

use crate::envelope::{Paths, Slot};
use crate::handshake::{Handshakes, Unsigned};
use crate::known_name::KnownName;
use crate::payload::Bodies;
use crate::scheme::Scheme;
use crate::window::Window;
use families::Families;
pub(crate) use families::InFamily;
#[cfg(feature = "signing")]
pub(crate) use timestamp::Item;
pub(crate) use timestamp::{HeaderTime, TimeSource};
use unverified::ClaimHeaders;

/// How one provider sends webhooks. Cheap to clone.
///
/// Those of the [`catalogue`](crate::catalogue) and of [`providers`](crate::providers) are made with the
/// builder that makes yours:
///
/// ```
/// use countersign::{Part, Provider, Retries, Signature, Timestamp};
/// use std::time::Duration;
///
/// let acme = Provider::builder("acme")
///     .hmac_sha256(Signature::header("X-Acme-Signature").prefix("v1="))
///     .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
///     .timestamp(Timestamp::header("X-Acme-Timestamp"))
///     .event_type("type")
///     .event_id("id")
///     .retries(Retries::after([60, 600, 3600].map(Duration::from_secs)))
///     .answer_within(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Provider(Arc<Spec>);

impl Provider {
    /// Starts a provider of this name. The name is for people: it is in traces and in
    /// [`Delivery::provider`](crate::Delivery::provider), not in event keys.
    pub fn builder(name: &str) -> ProviderBuilder {
        ProviderBuilder::new(name)
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The provider's retry schedule.
    #[must_use]
    pub fn retries(&self) -> &Retries {
        &self.0.retries
    }

    /// How long the provider waits for an answer, where it says so.
    #[must_use]
    pub fn answer_within(&self) -> Option<Duration> {
        self.0.answer_within
    }

    /// Whether the provider takes a 4xx as final and does not retry after it.
    #[must_use]
    pub fn is_final_on_4xx(&self) -> bool {
        self.0.final_on_4xx
    }

    /// Whether its events are [forgotten as soon as they are
    /// handled](ProviderBuilder::forget_when_handled).
    #[must_use]
    pub fn forgets_when_handled(&self) -> bool {
        self.0.forgets
    }

    /// Whether one of its [handshakes](crate::Handshake) is a `GET` or an `OPTIONS` that is not signed.
    /// The middleware can answer it only if requests with these methods reach it.
    #[must_use]
    pub fn has_unsigned_handshake(&self) -> bool {
        self.0.handshakes.unsigned.iter().any(Unsigned::has_own_method)
    }

    /// Whether its signature covers the URL, so that an endpoint needs
    /// [`public_url`](crate::EndpointBuilder::public_url).
    #[must_use]
    pub fn signs_url(&self) -> bool {
        self.0.scheme.content.needs_public_url()
    }

    /// The replay window that endpoints have unless they set their own; none where deliveries
    /// carry no time.
    ///
    /// Over a time that is fresh in every delivery it is five minutes. Over a time that stays the
    /// same across retries it is the whole retry schedule and an hour more, or a day where the
    /// schedule is unknown. Either way it reaches five minutes into the future.
    #[must_use]
    pub fn default_window(&self) -> Option<Window> {
        const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
        const MARGIN: Duration = Duration::from_secs(60 * 60);
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let time = self.0.time.as_ref()?;
        if self.0.window.is_some() {
            return self.0.window;
        }
        let past = match (time.is_per_delivery(), self.0.retries.horizon()) {
            (true, _) => FIVE_MINUTES,
            (false, Some(horizon)) => horizon.saturating_add(MARGIN),
            (false, None) => DAY,
        };
        Some(Window::new(past, FIVE_MINUTES))
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.0
    }
}

/// A provider as the builder checked it.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: Box<str>,
    pub(crate) scheme: Scheme,
    /// The time that the window judges.
    pub(crate) time: Option<TimeSource>,
    /// A time header that must be well formed and proves nothing.
    pub(crate) required_time: Option<HeaderTime>,
    /// The id header that is part of the signed content.
    pub(crate) id_header: Option<KnownName>,
    /// Further families of its headers, where it has such.
    pub(crate) families: Option<Families>,
    /// What the envelope looks for in the body.
    pub(crate) paths: Paths,
    pub(crate) event_type: Option<Slot>,
    pub(crate) event_type_required: bool,
    pub(crate) id: Option<Slot>,
    pub(crate) key: KeySpec,
    /// Whether the body stands for the signed content where that is the key.
    pub(crate) key_by_body: bool,
    /// Whether a handled event is forgotten.
    pub(crate) forgets: bool,
    /// The headers that claim something outside of the proof.
    pub(crate) unverified: Option<ClaimHeaders>,
    /// The window, where it is not the default one.
    pub(crate) window: Option<Window>,
    /// Which bodies there are, besides JSON objects.
    pub(crate) bodies: Bodies,
    pub(crate) handshakes: Handshakes,
    pub(crate) retries: Retries,
    pub(crate) answer_within: Option<Duration>,
    pub(crate) final_on_4xx: bool,
}
