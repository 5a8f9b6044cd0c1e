//! Secrets that are looked up: many tenants behind one endpoint.

mod changes;
mod floods;
mod outages;
mod waiting;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    Endpoint, ManualClock, ResolveError, ResolvedSecrets, Secret, SecretResolver, TenantSecrets,
};

use crate::client::{Connection, Request, Server};
use crate::fixtures::{self, Fixture};
use crate::harness::{Adapter, App, AtWork, Gate, Handler, on_every_adapter};

on_every_adapter! {
    each_tenant_has_secrets_and_events_of_its_own
    an_unknown_tenant_is_answered_as_a_wrong_signature
    a_name_that_is_written_in_two_ways_is_one_tenant
    tokens_are_looked_up_too
    by_header_and_by_host
}

/// A place where secrets are kept.
#[derive(Clone, Default)]
struct Vault {
    secrets: Arc<Mutex<HashMap<String, Vec<String>>>>,
    asked: Arc<AtomicUsize>,
    at_once: AtWork,
    most_at_once: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
    gate: Option<Gate>,
}

impl Vault {
    fn with(tenants: &[(&str, &[&str])]) -> Self {
        let vault = Self::default();
        for (tenant, secrets) in tenants {
            vault.set(tenant, secrets);
        }
        vault
    }

    fn gated(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    fn set(&self, tenant: &str, secrets: &[&str]) {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned()).collect();
        self.secrets.lock().unwrap().insert(tenant.to_owned(), secrets);
    }

    fn take(&self, tenant: &str) {
        self.secrets.lock().unwrap().remove(tenant);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl SecretResolver for Vault {
    async fn resolve(&self, tenant: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let at_once = self.at_once.enter();
        self.most_at_once.fetch_max(self.at_once.count(), Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        drop(at_once);
        assert!(!self.panics.load(Ordering::SeqCst), "on purpose");
        if self.down.load(Ordering::SeqCst) {
            return Err("taken down by the test".into());
        }
        let secrets = self.secrets.lock().unwrap().get(tenant).cloned();
        let Some(secrets) = secrets else { return Ok(None) };
        let secrets = secrets.into_iter().map(Secret::new).collect::<Result<Vec<_>, _>>()?;
        Ok(Some(TenantSecrets::new(secrets)))
    }
}

/// The name is the route as well.
const ROUTE: &str = "t/{tenant}/hook";

/// Look-ups take as long as they take: what a test does about time, it says itself.
fn by_path(vault: &Vault) -> ResolvedSecrets {
    ResolvedSecrets::by_path("/t/{tenant}/hook", vault.clone()).timeout(LONG)
}

const LONG: Duration = Duration::from_secs(60);

fn endpoint(secrets: ResolvedSecrets) -> Endpoint {
    Endpoint::builder(ROUTE, fixtures::hostwares().provider).resolve(secrets).build().unwrap()
}

fn request_of(fixture: &Fixture, tenant: &str, secret: &str, number: u32) -> Request {
    let now = SystemTime::now();
    let body = fixture.body(number, now);
    let secret = Secret::new(secret).unwrap();
    let headers = Signer::new(&fixture.provider, &secret).at(now).sign(&body);
    Request::post(&format!("t/{tenant}/hook"), headers, body)
}

fn request(tenant: &str, secret: &str, number: u32) -> Request {
    request_of(&fixtures::hostwares(), tenant, secret, number)
}

async fn serve<A: Adapter>(endpoint: Endpoint, handler: &Handler) -> Server {
    A::serve(App::new([endpoint], handler)).await
}

/// The same, with secrets of this vault, and a clock to move.
async fn serve_on_a_clock<A: Adapter>(vault: &Vault, handler: &Handler) -> (Server, ManualClock) {
    let (clock, provider) = (ManualClock::at(SystemTime::now()), fixtures::hostwares().provider);
    let builder = Endpoint::builder(ROUTE, provider).resolve(by_path(vault)).clock(clock.clone());
    (serve::<A>(builder.build().unwrap(), handler).await, clock)
}

async fn each_tenant_has_secrets_and_events_of_its_own<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"]), ("globex", &["g"])]);
    let handler = Handler::answering(200);
    let server = serve::<A>(endpoint(by_path(&vault)), &handler).await;
    let of_acme = request("acme", "a", 1);
    assert_eq!(of_acme.send(server).await.status, 200);
    of_acme.send(server).await.is_duplicate();
    assert_eq!(request("globex", "g", 1).send(server).await.status, 200, "another event");
    let stolen = of_acme.to("/t/globex/hook").send(server).await;
    stolen.is_rejection(401, "signature_mismatch");
    let seen = handler.seen();
    let tenants: Vec<_> = seen.iter().map(|(delivery, _)| delivery.tenant()).collect();
    assert_eq!(tenants, [Some("acme"), Some("globex")]);
    assert_ne!(seen[0].0.key(), seen[1].0.key());
}

async fn an_unknown_tenant_is_answered_as_a_wrong_signature<A: Adapter>() {
    for fixture in [fixtures::hostwares(), fixtures::piora()] {
        let vault = Vault::with(&[("acme", &["a"])]);
        let handler = Handler::answering(200);
        let endpoint = Endpoint::builder(ROUTE, fixture.provider.clone()).resolve(by_path(&vault));
        let server = serve::<A>(endpoint.build().unwrap(), &handler).await;
        let wrong = request_of(&fixture, "acme", "x", 1).send(server).await;
        let unknown = request_of(&fixture, "nobody", "x", 1).send(server).await;
        assert_eq!((wrong.status, &wrong.body), (401, &unknown.body));
        assert_eq!(unknown.status, 401);
        assert_eq!(wrong.headers.len(), unknown.headers.len());
        for nameless in ["/t/%61cme/hook", "/t/acme%2Fhook/hook"] {
            let reply = request_of(&fixture, "acme", "a", 2).to(nameless).send(server).await;
            assert_eq!((reply.status, &reply.body), (401, &wrong.body), "{nameless}");
        }
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_name_that_is_written_in_two_ways_is_one_tenant<A: Adapter>() {
    let resolver = async |asked: String| {
        let secrets = TenantSecrets::new([Secret::new("a")?]);
        Ok::<_, ResolveError>(asked.eq_ignore_ascii_case("acme").then(|| secrets.named("acme")))
    };
    let handler = Handler::answering(200);
    let secrets = ResolvedSecrets::by_path("/t/{tenant}/hook", resolver);
    let server = serve::<A>(endpoint(secrets), &handler).await;
    let genuine = request("acme", "a", 1);
    assert_eq!(genuine.send(server).await.status, 200);
    genuine.to("/t/ACME/hook").send(server).await.is_duplicate();
    assert_eq!(handler.seen()[0].0.tenant(), Some("acme"));
}

async fn tokens_are_looked_up_too<A: Adapter>() {
    let fixture = fixtures::all().swap_remove(4);
    assert_eq!(fixture.name, "pingara");
    let clock = ManualClock::at(SystemTime::now());
    let vault = Vault::with(&[("acme", &["token-a"])]);
    let handler = Handler::answering(200);
    let builder = Endpoint::builder(ROUTE, fixture.provider.clone()).resolve(by_path(&vault));
    let server = serve::<A>(builder.clock(clock.clone()).build().unwrap(), &handler).await;
    assert_eq!(request_of(&fixture, "acme", "token-a", 1).send(server).await.status, 200);
    for (tenant, token) in [("acme", "token-x"), ("nobody", "token-a")] {
        let wrong = request_of(&fixture, tenant, token, 2);
        // A token is judged without the body.
        let mut connection = Connection::open(server).await;
        connection.write(&wrong.head("content-length: 1000")).await;
        connection.reply().await.is_rejection(401, "token_mismatch");
    }
    clock.advance(Duration::from_secs(6));
    vault.set("acme", &["token-b"]);
    assert_eq!(request_of(&fixture, "acme", "token-b", 3).send(server).await.status, 200);
    assert_eq!(handler.runs(), 2);
}

async fn by_header_and_by_host<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"]), ("localhost", &["l"])]);
    let (handler, provider) = (Handler::answering(200), fixtures::hostwares().provider);
    let by_header = ResolvedSecrets::by_header("X-Tenant", vault.clone());
    let by_header = Endpoint::builder("header", provider.clone()).resolve(by_header);
    let by_host = ResolvedSecrets::by_host(vault.clone());
    let by_host = Endpoint::builder("host", provider).resolve(by_host);
    let endpoints = [by_header.build().unwrap(), by_host.build().unwrap()];
    let server = A::serve(App::new(endpoints, &handler)).await;
    let named = request("-", "a", 1).to("/header").header("x-tenant", "acme");
    assert_eq!(named.send(server).await.status, 200);
    assert_eq!(request("-", "a", 2).to("/header").send(server).await.status, 401);
    assert_eq!(request("-", "l", 3).to("/host").send(server).await.status, 200);
    let seen = handler.seen();
    let tenants: Vec<_> = seen.iter().map(|(delivery, _)| delivery.tenant()).collect();
    assert_eq!(tenants, [Some("acme"), Some("localhost")]);
}
