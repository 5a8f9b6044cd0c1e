//! A provider, an endpoint and a store for the test of a handler.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::TestClock;
use super::secret::test_secret;
use crate::catalogue;
use crate::dedup::{MemoryStore, Store};
use crate::delivery::Delivery;
use crate::endpoint::{Endpoint, EndpointBuilder};
use crate::key::EventKey;
use crate::provider::Provider;
use crate::receiver::{Receiver, ReceiverBuilder};
use crate::report::{Outcome, Reason, Report};
use crate::signing::{Outgoing, Sender, SignError, SignedRequest};

/// Everything that a test of a handler needs besides the handler: a provider that sends, a secret, a
/// store, a clock, and what became of each delivery. It must be made inside of the test's tokio runtime.
///
/// Its methods panic where a test cannot go on: an unknown event, an assertion that does not hold.
///
/// ```
/// use countersign::testing::TestKit;
/// # use countersign::{Answer, Delivery};
/// use countersign::RejectionKind;
/// use std::time::Duration;
///
/// # async fn send(
/// #     receiver: &countersign::Receiver<countersign::MemoryStore>,
/// #     request: countersign::signing::SignedRequest,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// #     let arriving = receiver.begin(&request)?;
/// #     let body = Some(request.body().clone());
/// #     let delivery = receiver.receive(arriving, body, std::future::pending::<()>()).await?;
/// #     let handler = async |delivery: Delivery| { delivery.mark_taken(); Answer::new(200, ()) };
/// #     receiver.clone().handle(delivery, handler).await?;
/// #     Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let kit = TestKit::new("piora");
/// let receiver = kit.receiver();
/// let event = kit.event("deployment.failed");
/// # let send = async |request| drop(send(&receiver, request).await);
/// send(kit.request(&event)).await;
/// kit.assert_handled();
/// kit.advance(Duration::from_secs(52_560)).await; // 14 h 36 min: Piora's last retry
/// send(kit.retry(&event, 5)).await;
/// kit.assert_duplicate();
/// send(kit.tampered(&event)).await;
/// kit.assert_refused(RejectionKind::SignatureMismatch);
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct TestKit {
    sender: Sender,
    clock: TestClock,
    store: MemoryStore,
    pub(super) seen: Arc<Mutex<Vec<Seen>>>,
}

/// What became of one delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) key: Option<EventKey>,
}

/// What providers that sign the URL send to.
const ORIGIN: &str = "https://hooks.example.test";

impl TestKit {
    /// A kit for a provider of the [`catalogue`], with a new secret.
    ///
    /// # Panics
    ///
    /// If there is no such provider, or its feature is off.
    #[must_use]
    #[track_caller]
    pub fn new(id: &str) -> Self {
        match catalogue::provider(id) {
            Ok(provider) => Self::of(provider),
            Err(error) => panic!("{error}"),
        }
    }

    /// The same for a provider of your own.
    ///
    /// # Panics
    ///
    /// If no secret can be made for it.
    #[must_use]
    #[track_caller]
    pub fn of(provider: Provider) -> Self {
        let clock = TestClock::new();
        let secret = sound(test_secret(&provider));
        let sender = Sender::new(provider, secret).to(ORIGIN).clock(clock.clone());
        let store = MemoryStore::builder().clock(clock.clone()).build();
        Self { sender, clock, store, seen: Arc::default() }
    }

    /// The path that the provider sends to, with a query where there is one. Defaults to `/`.
    #[must_use]
    pub fn to(mut self, path: &str) -> Self {
        self.sender = self.sender.to(&format!("{ORIGIN}{path}"));
        self
    }

    /// The sending side.
    #[must_use]
    pub fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The clock of everything here.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// An endpoint of the provider with its secret and this clock, for settings of your own.
    ///
    /// # Panics
    ///
    /// Never, for a provider that a kit was made of.
    #[track_caller]
    pub fn endpoint(&self) -> EndpointBuilder {
        let provider = self.sender.provider().clone();
        Endpoint::builder("test", provider)
            .secret(sound(self.sender.verifying_secret()))
            .public_url(ORIGIN)
            .clock(self.clock.clone())
    }

    /// A receiver for the middleware: `WebhookLayer::from_receiver(kit.receiver())`.
    ///
    /// # Panics
    ///
    /// If the endpoint cannot be built with its defaults.
    #[must_use]
    #[track_caller]
    pub fn receiver(&self) -> Receiver<MemoryStore> {
        match self.endpoint().build() {
            Ok(endpoint) => self.receiver_of(endpoint, self.store.clone()).build(),
            Err(error) => panic!("{error}"),
        }
    }

    /// The same with an endpoint and a store of your own. It needs to be built.
    pub fn receiver_of<S: Store>(&self, endpoint: Endpoint, store: S) -> ReceiverBuilder<S> {
        let seen = Arc::clone(&self.seen);
        let observer = move |report: &Report<'_>| {
            let key = report.delivery.map(|delivery| delivery.key());
            let one = Seen { outcome: report.outcome, reason: report.reason, key };
            lock(&seen).push(one);
        };
        Receiver::builder(endpoint, store).runtime(TestClock::runtime()).observer(observer)
    }

    /// A sample event, new each time. [`Outgoing::json`] makes one of a body of yours.
    ///
    /// # Panics
    ///
    /// If there is no such sample.
    #[must_use]
    #[track_caller]
    pub fn event(&self, name: &str) -> Outgoing {
        sound(self.sender.event(name))
    }

    /// The event's delivery at the present time.
    ///
    /// # Panics
    ///
    /// If the provider could not send this.
    #[must_use]
    #[track_caller]
    pub fn request(&self, event: &Outgoing) -> SignedRequest {
        sound(self.sender.request(event))
    }

    /// The event's retry of this number, counted from 1.
    ///
    /// # Panics
    ///
    /// As [`request`](Self::request).
    #[must_use]
    #[track_caller]
    pub fn retry(&self, event: &Outgoing, number: usize) -> SignedRequest {
        sound(self.sender.retry(event, number))
    }

    /// A delivery that was changed after it was signed.
    ///
    /// # Panics
    ///
    /// As [`request`](Self::request).
    #[must_use]
    #[track_caller]
    pub fn tampered(&self, event: &Outgoing) -> SignedRequest {
        sound(self.sender.tampered(event))
    }

    /// A delivery that is too old.
    ///
    /// # Panics
    ///
    /// As [`request`](Self::request), and for a provider that sends no time.
    #[must_use]
    #[track_caller]
    pub fn stale(&self, event: &Outgoing) -> SignedRequest {
        sound(self.sender.stale(event))
    }

    /// The event as a handler gets it, to call one as a plain function:
    /// `Webhook::from_delivery(kit.delivery(&event))`.
    ///
    /// # Panics
    ///
    /// As [`request`](Self::request).
    #[must_use]
    #[track_caller]
    pub fn delivery(&self, event: &Outgoing) -> Delivery {
        let request = self.request(event);
        let endpoint = match self.endpoint().build() {
            Ok(endpoint) => endpoint,
            Err(error) => panic!("{error}"),
        };
        let proven = endpoint.begin(&request).and_then(|mut incoming| {
            incoming.push(request.body().clone())?;
            incoming.finish()
        });
        match proven {
            Ok(delivery) => delivery,
            Err(rejection) => panic!("the delivery is refused: {}", rejection.code()),
        }
    }

    /// Skips this much time, see [`TestClock::advance`].
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by).await;
    }
}

pub(super) fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[track_caller]
fn sound<T>(made: Result<T, SignError>) -> T {
    match made {
        Ok(made) => made,
        Err(error) => panic!("{error}"),
    }
}
