//! What is counted. Every case checks its results, so that none counts a refusal by mistake.

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use countersign::signing::Signer;
use countersign::{
    Answer, Endpoint, MemoryStore, Part, Provider, Receiver, ResolvedSecrets, Secret, Signature,
    TenantSecrets, Timestamp,
};
use countersign_tower::{Webhook, WebhookLayer};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use sha2::Sha256;
use tower::ServiceExt as _;

use self::Tenant::{EachItsOwn, Fixed, One};
use crate::headers::{self, HttpHeaders};

/// Makes so many deliveries, and takes them if told so.
type Case = fn(usize, bool);

pub const ALL: &[(&str, Case)] = &[
    ("bare HMAC, 256 B", |times, take| bare(256, times, take)),
    ("proof, 256 B", |times, take| prove(&plain(), 256, times, take)),
    ("proof, 1 KiB", |times, take| prove(&plain(), 1024, times, take)),
    ("proof, 16 KiB", |times, take| prove(&plain(), 16 * 1024, times, take)),
    ("proof with id, time and list, 256 B", |times, take| prove(&standard(), 256, times, take)),
    ("verify, 256 B", |times, take| verify(&plain(), 256, times, take)),
    ("verify with id, time and list, 256 B", |times, take| verify(&standard(), 256, times, take)),
    ("1 candidate, forged, 1 KiB", |times, take| forged(1, 1, times, take)),
    ("100 candidates, forged, 1 KiB", |times, take| forged(100, 1, times, take)),
    ("two secrets, forged, 1 KiB", |times, take| forged(1, 2, times, take)),
    ("receiver, 1 KiB", receiver),
    ("layer, 1 KiB", layer),
    ("layer, unsigned request", |times, take| refused(Fixed, false, times, take)),
    ("layer, wrong signature, 2 B", |times, take| refused(Fixed, true, times, take)),
    ("tenants, unsigned request", |times, take| refused(EachItsOwn, false, times, take)),
    ("tenants, wrong signature, 2 B", |times, take| refused(One("acme"), true, times, take)),
    ("no tenant, wrong signature, 2 B", |times, take| refused(One("nobody"), true, times, take)),
    ("a flood of such names", |times, take| refused(EachItsOwn, true, times, take)),
];

const SECRET: &str = "a secret of thirty-two characters";

fn plain() -> Provider {
    let signature = Signature::header("x-signature").prefix("sha256=");
    Provider::builder("plain").hmac_sha256(signature).build().expect("sound")
}

fn standard() -> Provider {
    let parts = [Part::Id, Part::literal("."), Part::Timestamp, Part::literal("."), Part::Body];
    let signature = Signature::header("x-signature").prefix("v1,").base64().separator(' ');
    let provider = Provider::builder("standard").hmac_sha256(signature).signed_content(parts);
    let provider = provider.timestamp(Timestamp::header("x-timestamp")).event_id_header("x-id");
    provider.build().expect("sound")
}

fn secret() -> Secret {
    Secret::new(SECRET).expect("not empty")
}

fn endpoint(provider: &Provider) -> Endpoint {
    Endpoint::builder("bench", provider.clone()).secret(secret()).build().expect("sound")
}

/// Genuine deliveries of this size, each with an event of its own.
fn deliveries(provider: &Provider, size: usize, times: usize) -> Vec<(HeaderMap, Bytes)> {
    let secret = secret();
    let signer = Signer::new(provider, &secret).id("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W");
    let make = |number| {
        let start = format!(r#"{{"type":"a","number":"{number:08}","filler":""#);
        let body = Bytes::from(format!("{start}{}\"}}", "x".repeat(size - start.len() - 2)));
        let mut all = headers::with(size, []);
        for (name, value) in signer.sign(&body) {
            let name = HeaderName::try_from(name).expect("a header's name");
            all.insert(name, HeaderValue::try_from(value).expect("a header's value"));
        }
        (all, body)
    };
    (0..times).map(make).collect()
}

fn bare(size: usize, times: usize, take: bool) {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes any key");
    let body = vec![b'x'; size];
    for _ in 0..if take { times } else { 0 } {
        let mut mac = mac.clone();
        mac.update(black_box(&body));
        black_box(mac.finalize());
    }
}

fn prove(provider: &Provider, size: usize, times: usize, take: bool) {
    let (endpoint, made) = (endpoint(provider), deliveries(provider, size, times));
    for (headers, body) in made.into_iter().take(if take { times } else { 0 }) {
        let mut incoming = endpoint.begin(&HttpHeaders(&headers)).expect("a good head");
        incoming.push(body).expect("within the limit");
        black_box(incoming.prove().expect("genuine"));
    }
}

fn verify(provider: &Provider, size: usize, times: usize, take: bool) {
    let (endpoint, made) = (endpoint(provider), deliveries(provider, size, times));
    for (headers, body) in made.into_iter().take(if take { times } else { 0 }) {
        black_box(endpoint.verify(&HttpHeaders(&headers), &body).expect("genuine"));
    }
}

/// Wrong signatures in a list, under so many secrets.
fn forged(candidates: usize, secrets: usize, times: usize, take: bool) {
    let signature = Signature::header("x-signature").prefix("v1=").separator(',');
    let provider = Provider::builder("list").hmac_sha256(signature).build().expect("sound");
    let mut builder = Endpoint::builder("bench", provider).secret(secret());
    if secrets == 2 {
        builder = builder.secret(Secret::new("an older secret").expect("not empty"));
    }
    let endpoint = builder.build().expect("sound");
    let list: Vec<_> = (0..candidates).map(|number| format!("v1={number:064x}")).collect();
    let headers = headers::with(1024, [("x-signature", list.join(","))]);
    let body = Bytes::from(vec![b'x'; 1024]);
    for _ in 0..if take { times } else { 0 } {
        let mut incoming = endpoint.begin(&HttpHeaders(&headers)).expect("a good head");
        incoming.push(body.clone()).expect("within the limit");
        incoming.prove().expect_err("forged");
    }
}

fn receiver(times: usize, take: bool) {
    let (provider, store) = (plain(), MemoryStore::new());
    let receiver = Receiver::new(endpoint(&provider), store);
    let made = deliveries(&provider, 1024, times);
    for (headers, body) in made.into_iter().take(if take { times } else { 0 }) {
        ready(async {
            let arriving = receiver.begin(&HttpHeaders(&headers)).expect("a good head");
            let delivery = receiver.receive(arriving, Some(body), std::future::pending::<()>());
            let delivery = delivery.await.expect("genuine");
            let handled = receiver.clone().handle(delivery, async |delivery| {
                delivery.mark_taken();
                Answer::new(204, ())
            });
            handled.await.expect("fresh");
        });
    }
}

fn layer(times: usize, take: bool) {
    async fn on_event(webhook: Webhook<countersign::Delivery>) -> StatusCode {
        black_box(&webhook.event);
        StatusCode::NO_CONTENT
    }
    let provider = plain();
    let layer = WebhookLayer::new(endpoint(&provider), MemoryStore::new());
    let app = Router::new().route("/hook", post(on_event).route_layer(layer)).with_state(());
    let made = deliveries(&provider, 1024, times);
    serve(&app, made, take, StatusCode::NO_CONTENT);
}

/// Whose secrets a refused delivery asks for.
enum Tenant {
    /// There are no tenants.
    Fixed,
    /// This one's, which is looked up once.
    One(&'static str),
    /// In each delivery those of another one that does not exist, so that each is looked up.
    EachItsOwn,
}

fn refused(tenant: Tenant, signed: bool, times: usize, take: bool) {
    let endpoint = match tenant {
        Fixed => endpoint(&plain()),
        One(_) | EachItsOwn => {
            let secrets = ResolvedSecrets::by_header("x-tenant", async |name: String| {
                Ok((name == "acme").then(|| TenantSecrets::new([secret()])))
            });
            Endpoint::builder("bench", plain()).resolve(secrets).build().expect("sound")
        }
    };
    let layer = WebhookLayer::new(endpoint, MemoryStore::new());
    let app = Router::new().route("/hook", post(async || StatusCode::OK).route_layer(layer));
    let app = app.with_state(());
    let make = |number: usize| {
        let name = match tenant {
            Fixed | One(_) if !signed => None,
            Fixed => Some("acme".to_owned()),
            One(name) => Some(name.to_owned()),
            EachItsOwn => Some(format!("{number:08}")),
        };
        let tenant = name.map(|name| ("x-tenant", name));
        let signature = signed.then(|| ("x-signature", format!("sha256={:064x}", 0)));
        let headers = headers::with(2, tenant.into_iter().chain(signature));
        (headers, Bytes::from_static(b"{}"))
    };
    serve(&app, (0..times).map(make).collect(), take, StatusCode::UNAUTHORIZED);
}

fn serve(app: &Router, made: Vec<(HeaderMap, Bytes)>, take: bool, expected: StatusCode) {
    let request = |(headers, body)| {
        let mut request = Request::post("/hook").body(Body::from(body)).expect("a request");
        *request.headers_mut() = headers;
        request
    };
    let made: Vec<_> = made.into_iter().map(request).collect();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let times = if take { made.len() } else { 0 };
    runtime.block_on(async {
        for request in made.into_iter().take(times) {
            let response = app.clone().oneshot(request).await.expect("it cannot fail");
            assert_eq!(response.status(), expected);
        }
    });
}

/// Ends a future that never waits.
fn ready<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => unreachable!("there is nothing to wait for"),
    }
}
