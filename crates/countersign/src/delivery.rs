//! A proven, fresh delivery.

mod text;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Deserialize;
use time::OffsetDateTime;

use crate::endpoint::Endpoint;
use crate::key::EventKey;
use crate::payload::{self, Payload, Reading};
use crate::receiver::Claim;
use crate::report::Observer;
use crate::trace;
use crate::window::UnixMillis;

pub(crate) use text::Text;

/// A delivery that is genuine and fresh, with what is known of it. Cheap to clone.
///
/// All that it holds is proven by the delivery, or read from this receiver's own clock; only
/// [`unverified`](Self::unverified) is not.
#[derive(Clone)]
pub struct Delivery {
    facts: Arc<Facts>,
    claim: Claim,
}

pub(crate) struct Facts {
    pub(crate) endpoint: Endpoint,
    pub(crate) body: Bytes,
    pub(crate) reading: Reading,
    pub(crate) key: EventKey,
    pub(crate) event_type: Option<Text>,
    pub(crate) id: Option<Text>,
    pub(crate) time: Option<UnixMillis>,
    pub(crate) received_at: SystemTime,
    pub(crate) secret: usize,
    pub(crate) unverified: Unverified,
    /// When the request's head was there, where a receiver noted it, by the endpoint's monotonic time.
    pub(crate) arrived: Nanos,
    /// How long it took from then until it was proven, where somebody wanted to know.
    pub(crate) proof: Nanos,
    /// For the span.
    pub(crate) head: trace::Head,
    /// What its reports go to besides the receiver's observers.
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Whether the delivery was taken, or did not have to be.
    pub(crate) taken: AtomicBool,
}

/// A duration or none, in half the room: facts are moved a few times on their way.
#[derive(Clone, Copy)]
pub(crate) struct Nanos(u64);

impl Nanos {
    pub(crate) const NONE: Self = Self(u64::MAX);

    fn of(duration: Duration) -> Self {
        let seconds = duration.as_secs().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(u64::from(duration.subsec_nanos())))
    }

    fn get(self) -> Option<Duration> {
        (self.0 != u64::MAX).then(|| Duration::from_nanos(self.0))
    }
}

impl Delivery {
    pub(crate) fn new(facts: Facts, body: Bytes) -> Self {
        Self { facts: Arc::new(Facts { body, ..facts }), claim: Claim::NONE }
    }

    pub(crate) fn arrived_at(
        mut self,
        arrived: Duration,
        proof: Option<Duration>,
        head: trace::Head,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        if let Some(facts) = Arc::get_mut(&mut self.facts) {
            facts.arrived = Nanos::of(arrived);
            facts.proof = proof.map_or(Nanos::NONE, Nanos::of);
            facts.head = head;
            facts.observer = observer;
        }
        self
    }

    pub(crate) fn observer(&self) -> Option<&dyn Observer> {
        self.facts.observer.as_deref()
    }

    pub(crate) fn arrived(&self) -> Option<Duration> {
        self.facts.arrived.get()
    }

    pub(crate) fn proof(&self) -> Option<Duration> {
        self.facts.proof.get()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn head(&self) -> &trace::Head {
        &self.facts.head
    }

    pub(crate) fn of(&self) -> &Endpoint {
        &self.facts.endpoint
    }

    /// The same facts without the body, for what is kept longer than a request.
    pub(crate) fn without_body(&self) -> Self {
        let Facts {
            endpoint,
            key,
            time,
            received_at,
            secret,
            unverified,
            arrived,
            proof,
            observer,
            ..
        } = &*self.facts;
        let own = |text: &str| Text::Own(text.into());
        let facts = Facts {
            endpoint: endpoint.clone(),
            body: Bytes::new(),
            reading: Reading::Other,
            key: *key,
            event_type: self.event_type().map(own),
            id: self.id().map(own),
            time: *time,
            received_at: *received_at,
            secret: *secret,
            unverified: unverified.clone(),
            arrived: *arrived,
            observer: observer.clone(),
            proof: *proof,
            head: trace::NO_HEAD,
            taken: AtomicBool::new(self.is_taken()),
        };
        Self { facts: Arc::new(facts), claim: self.claim.clone() }
    }

    /// The body, byte for byte as it was signed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.facts.body
    }

    /// What the body holds, for a reader of your own: JSON, also where a form has it in a field, or a
    /// form.
    ///
    /// It is chosen by the body's proven bytes and by what the provider sends, and never by the
    /// `Content-Type`, which is not proven. [`FromDelivery`](crate::FromDelivery) reads the same.
    ///
    /// ```
    /// # use countersign::{Endpoint, Secret, catalogue, testing::Signer};
    /// use countersign::Payload;
    ///
    /// # let github = catalogue::provider("github")?;
    /// # let secret = Secret::new("a secret")?;
    /// # let body = "payload=%7B%22action%22%3A%22opened%22%7D";
    /// # let headers = Signer::new(&github, &secret).sign(body);
    /// # let endpoint = Endpoint::builder("github", github).secret(secret).build()?;
    /// # let mut incoming = endpoint.begin(&headers)?;
    /// # incoming.push(body.into())?;
    /// # let delivery = incoming.finish()?;
    /// // From GitHub, as `application/x-www-form-urlencoded`.
    /// assert_eq!(&delivery.body()[..], b"payload=%7B%22action%22%3A%22opened%22%7D");
    /// assert!(matches!(delivery.payload(), Payload::Json(json) if &json[..] == br#"{"action":"opened"}"#));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn payload(&self) -> Payload<'_> {
        match &self.facts.reading {
            Reading::Json => Payload::Json(&self.facts.body),
            Reading::Field(json) => Payload::Json(json),
            Reading::Form => Payload::Form(&self.facts.body),
            Reading::Other => Payload::Other(&self.facts.body),
        }
    }

    pub(crate) fn reading(&self) -> &Reading {
        &self.facts.reading
    }

    /// The form's field that holds JSON, where the provider sends such forms.
    pub(crate) fn json_field(&self) -> &str {
        self.facts.endpoint.provider().spec().bodies.field.as_deref().unwrap_or_default()
    }

    /// Reads the JSON of the [payload](Self::payload) into your own type, which may borrow from it.
    ///
    /// # Errors
    ///
    /// If there is no JSON of that type.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        match self.payload() {
            Payload::Json(json) => serde_json::from_slice(json),
            Payload::Form(_) => Err(payload::form_not_json()),
            Payload::Other(_) => Err(payload::no_json()),
        }
    }

    /// The event's key, equal for all deliveries of one event.
    #[must_use]
    pub fn key(&self) -> EventKey {
        self.facts.key
    }

    /// 128 bits of a SHA-256 that name an entity of this delivery's endpoint (and tenant), such as an
    /// invoice: the same in all its deliveries, and another one than that of any event. For stores that
    /// remember something of an entity; `name` may have any length.
    #[must_use]
    pub fn entity_key(&self, name: &str) -> [u8; 16] {
        self.facts.endpoint.inner().key_hasher.clone().entity(name)
    }

    /// The event's type, such as `deployment.failed`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.facts.event_type.as_ref()?.read(&self.facts.body)
    }

    /// The provider's id of the event, where it gives one under the proof.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.facts.id.as_ref()?.read(&self.facts.body)
    }

    /// The event's or delivery's time, where there is one under the proof, to the millisecond.
    #[must_use]
    pub fn time(&self) -> Option<OffsetDateTime> {
        self.facts.time?.to_offset_date_time()
    }

    /// When this receiver got the delivery, by its own clock.
    #[must_use]
    pub fn received_at(&self) -> SystemTime {
        self.facts.received_at
    }

    /// How old [`time`](Self::time) was then; zero if it was ahead.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let age = UnixMillis::from(self.facts.received_at).0.saturating_sub(self.facts.time?.0);
        Some(Duration::from_millis(u64::try_from(age).unwrap_or(0)))
    }

    /// How many retries the provider's schedule still has, judged by the event's age: zero means
    /// that this may be the last delivery, so a handler should store the event somewhere rather than
    /// fail. Unknown where the schedule is, or where the time is not the event's own.
    #[must_use]
    pub fn retries_left(&self) -> Option<usize> {
        let provider = self.facts.endpoint.provider();
        match provider.retries().waits()? {
            [] => Some(0),
            _ if provider.spec().time.as_ref()?.is_per_delivery() => None,
            _ => provider.retries().left_after(self.age()?),
        }
    }

    /// The tenant whose secret proved it, where the endpoint has several: as the resolver names it.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.facts.endpoint.tenant()
    }

    /// The label of the secret that matched, where it has one.
    #[must_use]
    pub fn secret_label(&self) -> Option<&str> {
        self.facts.endpoint.inner().secrets.labels.get(self.facts.secret)?.as_deref()
    }

    /// Which of the endpoint's secrets matched: 0 is the current one, others are older.
    #[must_use]
    pub fn secret_index(&self) -> usize {
        self.facts.secret
    }

    /// What headers outside of the proof claim about this delivery. Anyone who has captured a
    /// delivery can send it again with other claims: use them to route, not to decide.
    #[must_use]
    pub fn unverified(&self) -> &Unverified {
        &self.facts.unverified
    }

    /// The claim under which the handler runs.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Which attempt to handle its event this is, as this receiver's store has counted: 1 is the first. None
    /// where the endpoint does not [count](crate::EndpointBuilder::count_attempts), and for a delivery
    /// that did not come from a receiver's handler.
    #[must_use]
    pub fn attempt(&self) -> Option<u32> {
        Some(self.claim.verdict()?.counted()?.number)
    }

    /// Says why the handler is about to fail, for the record of an event that is then
    /// [parked](crate::EndpointBuilder::park), instead of only with which status. It is kept in the store
    /// and shown to operators: no secret and nothing of the body belongs there. The last call holds, and at
    /// most [256 bytes](crate::ParkedNote::LONGEST) of it. Nothing else changes.
    pub fn set_failure(&self, why: &str) {
        if let Some(verdict) = self.claim.verdict() {
            verdict.fail(why);
        }
    }

    /// Says that the event will never be handled, however often it comes, and why. If the handler then
    /// answers other than 2xx or panics, the event is [parked](crate::EndpointBuilder::park) at once,
    /// whatever the endpoint's settings are; if it answers 2xx, the event is handled and nothing is parked. It
    /// needs a store that can [park](crate::Store::park). Where an endpoint
    /// [forgets](crate::EndpointBuilder::forget_when_handled) what is handled, nothing is parked and the event
    /// fails as without this call: the next delivery with its key may be another event. `why` is as in
    /// [`set_failure`](Self::set_failure).
    ///
    /// ```
    /// # use countersign::Delivery;
    /// async fn handler(delivery: Delivery) -> u16 {
    ///     match delivery.json::<serde_json::Value>() {
    ///         Ok(event) => 200,
    ///         Err(_) => {
    ///             delivery.park("the body is not what we know of these events");
    ///             500
    ///         }
    ///     }
    /// }
    /// ```
    pub fn park(&self, why: &str) {
        if let Some(verdict) = self.claim.verdict() {
            verdict.park(why);
        }
    }

    pub(crate) fn set_claim(&mut self, claim: Claim) {
        self.claim = claim;
    }

    /// For adapters, before [`Receiver::handle`](crate::Receiver::handle): from here on, a 2xx counts
    /// only if the delivery is [taken](Self::mark_taken).
    ///
    /// What an adapter calls is not always the handler of the event. A middleware that stands around
    /// several routes gets the 2xx of each of them, and a captured delivery can be sent to any of
    /// them.
    pub fn require_taken(&self) {
        self.facts.taken.store(false, Ordering::Release);
    }

    /// Says that this delivery has reached its handler, so that a 2xx completes its event. The
    /// extractors of the adapters do so ([`extract_event`](crate::extract_event)), and so does a read of
    /// the request's body to its end. A handler that gets the delivery in another way, for example
    /// from the request's extensions, calls this itself.
    ///
    /// A handler that [`Receiver::handle`](crate::Receiver::handle) calls directly gets the delivery
    /// as its argument and has taken it.
    pub fn mark_taken(&self) {
        self.facts.taken.store(true, Ordering::Release);
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.facts.taken.load(Ordering::Acquire)
    }

    /// The name of the endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.facts.endpoint.name()
    }

    #[cfg(feature = "tracing")]
    pub(crate) fn is_never_retried(&self) -> bool {
        self.facts.endpoint.provider().retries().waits().is_some_and(<[_]>::is_empty)
    }

    pub(crate) fn is_final_on_4xx(&self) -> bool {
        self.facts.endpoint.provider().is_final_on_4xx()
    }

    /// The name of the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.facts.endpoint.provider().name()
    }
}

/// What a delivery's headers claim outside of its proof. Empty where the provider has no such
/// headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unverified {
    pub(crate) event_type: Option<Box<str>>,
    pub(crate) id: Option<Box<str>>,
    pub(crate) channel: Option<Box<str>>,
    pub(crate) attempt: Option<Box<str>>,
}

impl Unverified {
    /// The event's type, such as `push` in GitHub's `X-GitHub-Event`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// The delivery's or the event's id, such as GitHub's `X-GitHub-Delivery`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The channel or subscription that the delivery is of, such as Google's `X-Goog-Channel-ID`.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.channel.as_deref()
    }

    /// Which attempt this delivery is, as the provider counts and writes it.
    #[must_use]
    pub fn attempt(&self) -> Option<&str> {
        self.attempt.as_deref()
    }
}

impl AsRef<Self> for Delivery {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies hold people's data; they do not belong in a log.
        f.debug_struct("Delivery")
            .field("endpoint", &self.endpoint())
            .field("provider", &self.provider())
            .field("key", &self.key())
            .field("event_type", &self.event_type())
            .field("body_length", &self.body().len())
            .finish_non_exhaustive()
    }
}
