//! Public keys that a provider publishes and changes, and that deliveries name.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    Endpoint, ManualClock, Provider, ResolveError, ResolvedSecrets, Secret, SecretResolver,
    Signature, TenantSecrets,
};

use crate::client::{Request, Server};
use crate::harness::{Adapter, App, Handler, on_every_adapter};

on_every_adapter! {
    the_key_that_a_delivery_names_is_tried_alone
    a_new_key_is_fetched_when_a_delivery_names_it
    forged_names_of_keys_fetch_once_a_minute
    an_address_that_is_down_is_no_401
    a_delivery_that_names_no_key_is_held_against_all
    keys_without_an_id_are_for_every_name
    an_event_signed_with_two_keys_is_one_event
    a_name_of_a_key_that_is_elsewhere_in_the_head
    tenants_have_sets_of_their_own
}

pub(super) const ROUTE: &str = "keys";
pub(super) const KEY_ID: &str = "x-key-id";

/// The address where the provider publishes its keys: each is a byte, and its id is that number.
#[derive(Clone, Default)]
pub(super) struct Published {
    keys: Arc<Mutex<Vec<u8>>>,
    fetched: Arc<AtomicUsize>,
    pub(super) down: Arc<AtomicBool>,
    /// How long it takes to answer, in milliseconds.
    pub(super) takes: Arc<AtomicU64>,
    /// Keys that have no id.
    without_id: &'static [u8],
}

impl Published {
    pub(super) fn with(keys: &[u8]) -> Self {
        let published = Self::default();
        published.set(keys);
        published
    }

    pub(super) fn without_id(self, keys: &'static [u8]) -> Self {
        Self { without_id: keys, ..self }
    }

    pub(super) fn set(&self, keys: &[u8]) {
        *self.keys.lock().unwrap() = keys.to_vec();
    }

    pub(super) fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }

    fn document(&self) -> String {
        let key = |byte: &u8| {
            let key = ed25519_dalek::SigningKey::from_bytes(&[*byte; 32]).verifying_key();
            let x = base64url(key.as_bytes());
            let kid = if self.without_id.contains(byte) {
                String::new()
            } else {
                format!(r#","kid":"{byte}""#)
            };
            format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","x":"{x}"{kid}}}"#)
        };
        let keys: Vec<_> = self.keys.lock().unwrap().iter().map(key).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

impl SecretResolver for Published {
    async fn resolve(&self, _: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        let document = self.document();
        match self.takes.load(Ordering::SeqCst) {
            0 => {}
            takes => tokio::time::sleep(Duration::from_millis(takes)).await,
        }
        if self.down.load(Ordering::SeqCst) {
            return Err("taken down by the test".into());
        }
        Ok(Some(TenantSecrets::new(Secret::from_jwks(document.as_bytes())?)))
    }
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn provider() -> Provider {
    let provider = Provider::builder("keys").ed25519(Signature::header("x-signature"));
    provider.event_id("id").build().unwrap()
}

/// Signed with this key, with this name of a key.
pub(super) fn request(signed_with: u8, named: Option<&str>, number: u32) -> Request {
    let body = format!(r#"{{"id":"evt_{number}"}}"#);
    let secret = Secret::new(format!("{signed_with:02x}").repeat(32)).unwrap();
    let mut headers = Signer::new(&provider(), &secret).sign(&body);
    headers.extend(named.map(|id| (KEY_ID.to_owned(), id.to_owned())));
    Request::post(ROUTE, headers, body)
}

pub(super) struct Keys {
    pub(super) published: Published,
    pub(super) clock: ManualClock,
    pub(super) handler: Handler,
    pub(super) server: Server,
}

impl Keys {
    pub(super) async fn served<A: Adapter>(published: Published) -> Self {
        Self::of::<A>(published, |keys| keys.key_id_header("X-Key-Id")).await
    }

    /// The keys are fetched for one reason alone: a delivery names one that is not there.
    pub(super) async fn of<A: Adapter>(
        published: Published,
        with: impl FnOnce(ResolvedSecrets) -> ResolvedSecrets,
    ) -> Self {
        let clock = ManualClock::at(SystemTime::now());
        // A fetch takes as long as it takes.
        let keys = ResolvedSecrets::for_all(published.clone()).timeout(Duration::from_secs(60));
        let keys = with(keys.fresh_for(Duration::from_secs(86_400)));
        let endpoint = Endpoint::builder(ROUTE, provider()).resolve(keys).clock(clock.clone());
        let handler = Handler::answering(200);
        let server = A::serve(App::new([endpoint.build().unwrap()], &handler)).await;
        Self { published, clock, handler, server }
    }

    pub(super) async fn is_accepted(&self, request: Request) {
        assert_eq!(request.send(self.server).await.status, 200);
    }

    pub(super) async fn is_forged(&self, request: Request) {
        request.send(self.server).await.is_rejection(401, "signature_mismatch");
    }

    pub(super) async fn is_for_later(&self, request: Request) {
        request.send(self.server).await.is_not_now("secrets_unavailable");
    }

    pub(super) fn a_minute_later(&self) {
        self.clock.advance(Duration::from_secs(60));
    }
}

async fn the_key_that_a_delivery_names_is_tried_alone<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1, 2])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.is_accepted(request(2, Some("2"), 2)).await;
    keys.is_forged(request(1, Some("2"), 3)).await;
    // A wrong signature under a name that is known looks nothing up, however long ago the last look was.
    keys.a_minute_later();
    keys.is_forged(request(9, Some("1"), 4)).await;
    assert_eq!(keys.published.fetched(), 1);
    assert_eq!(keys.handler.runs(), 2);
}

async fn a_new_key_is_fetched_when_a_delivery_names_it<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.published.set(&[2, 1]);
    keys.is_for_later(request(2, Some("2"), 2)).await;
    assert_eq!(keys.published.fetched(), 1, "within a minute");
    keys.a_minute_later();
    keys.is_accepted(request(2, Some("2"), 2)).await;
    keys.is_accepted(request(1, Some("1"), 3)).await;
    assert_eq!(keys.published.fetched(), 2);
}

async fn forged_names_of_keys_fetch_once_a_minute<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1])).await;
    for minute in 1..4 {
        keys.is_forged(request(9, Some("forged"), 0)).await;
        for forged in 10..30 {
            keys.is_for_later(request(9, Some(&forged.to_string()), 0)).await;
        }
        keys.is_accepted(request(1, Some("1"), minute)).await;
        assert_eq!(keys.published.fetched(), minute as usize);
        keys.a_minute_later();
    }
}

async fn an_address_that_is_down_is_no_401<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.published.down.store(true, Ordering::SeqCst);
    keys.a_minute_later();
    keys.is_for_later(request(2, Some("2"), 2)).await;
    keys.is_accepted(request(1, Some("1"), 3)).await;
    keys.published.down.store(false, Ordering::SeqCst);
    keys.published.set(&[1, 2]);
    keys.is_for_later(request(2, Some("2"), 2)).await;
    keys.clock.advance(Duration::from_secs(5));
    keys.is_accepted(request(2, Some("2"), 2)).await;
}

async fn a_delivery_that_names_no_key_is_held_against_all<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1, 2])).await;
    keys.is_accepted(request(2, None, 1)).await;
    keys.is_forged(request(3, None, 2)).await;
    keys.a_minute_later();
    keys.published.set(&[3]);
    keys.is_accepted(request(3, None, 2)).await;
}

async fn keys_without_an_id_are_for_every_name<A: Adapter>() {
    let published = Published::with(&[1]).without_id(&[1, 2]);
    let keys = Keys::served::<A>(published).await;
    keys.is_accepted(request(1, Some("whatever"), 1)).await;
    keys.is_forged(request(2, Some("whatever"), 2)).await;
    keys.a_minute_later();
    keys.published.set(&[1, 2]);
    keys.is_accepted(request(2, Some("whatever"), 2)).await;
}

async fn an_event_signed_with_two_keys_is_one_event<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1, 2])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.is_accepted(request(2, Some("2"), 1)).await;
    keys.is_accepted(request(2, None, 1)).await;
    assert_eq!(keys.handler.runs(), 1);
}

async fn a_name_of_a_key_that_is_elsewhere_in_the_head<A: Adapter>() {
    let in_the_target =
        |head: &dyn countersign::RequestHead| Some(head.target().split_once("?key=")?.1.to_owned());
    let keys = Keys::of::<A>(Published::with(&[1]), |keys| keys.key_id_by(in_the_target)).await;
    let named = |key: &str, number| {
        let mut request = request(1, None, number);
        request.path = format!("/{ROUTE}?key={key}");
        request
    };
    keys.is_accepted(named("1", 1)).await;
    keys.is_for_later(named("2", 2)).await;
    assert_eq!(keys.published.fetched(), 1);
}

async fn tenants_have_sets_of_their_own<A: Adapter>() {
    let of = |tenant: String| async move {
        let key = if tenant == "acme" { 1 } else { 2 };
        let published = Published::with(&[key]);
        published.resolve(&tenant).await
    };
    let keys = ResolvedSecrets::by_header("x-tenant", of).key_id_header(KEY_ID);
    let endpoint = Endpoint::builder(ROUTE, provider()).resolve(keys).build().unwrap();
    let server = A::serve(App::new([endpoint], &Handler::answering(200))).await;
    let send = async |tenant: &str, signed_with, named| {
        let mut request = request(signed_with, Some(named), 1);
        request.headers.push(("x-tenant".to_owned(), tenant.into()));
        request.send(server).await
    };
    assert_eq!(send("acme", 1, "1").await.status, 200);
    assert_eq!(send("globex", 2, "2").await.status, 200);
    send("globex", 1, "2").await.is_rejection(401, "signature_mismatch");
    send("globex", 1, "1").await.is_not_now("secrets_unavailable");
}
