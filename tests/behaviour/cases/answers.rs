//! What a sender is answered: the same by every adapter, or what the user's error handler makes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    Endpoint, MemoryStore, Parking, Part, Provider, Rejection, RejectionKind, ResolveError,
    ResolvedSecrets, Secret, Signature, TenantSecrets, catalogue,
};

use crate::client::{Connection, Reply, Request};
use crate::fixtures;
use crate::harness::{Adapter, App, Gate, Handler, OwnAnswer, Shape, eventually, on_every_adapter};
use crate::on_actix::Actix;
use crate::on_axum::Axum;
use crate::stores::{Switchable, Uncommitted};

on_every_adapter! {
    a_users_own_answer_changes_headers_and_body_only
}

/// All in one, and nothing of it may stand but the header and the body.
fn own(rejection: &Rejection) -> OwnAnswer {
    let headers = vec![
        ("retry-after", "9".to_owned()),
        ("content-type", "text/plain".to_owned()),
        ("x-refused", rejection.code().to_owned()),
    ];
    OwnAnswer { status: 418, headers, body: format!("no: {}", rejection.code()) }
}

async fn a_users_own_answer_changes_headers_and_body_only<A: Adapter>() {
    let fixture = fixtures::piora();
    let (store, gate) = (Switchable::default(), Gate::shut());
    let handler = {
        let gate = gate.clone();
        Handler::new(move |call| {
            let gate = gate.clone();
            async move {
                gate.pass().await;
                if call.run == 1 { 500 } else { 200 }
            }
        })
    };
    let endpoint = fixture.endpoint().retry_after(Duration::from_secs(42)).build().unwrap();
    let app = App::new([endpoint], &handler).error_handler(own).store(Arc::new(store.clone()));
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    let is_own = |reply: Reply, status, code: &str, retry_after: fn(u64) -> bool| {
        assert_eq!((reply.status, &*reply.body), (status, &*format!("no: {code}")));
        assert_eq!(reply.header("x-refused"), Some(code));
        assert_eq!(reply.header("content-type"), Some("text/plain"));
        let after: Vec<u64> = reply
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
            .map(|(_, value)| value.parse().unwrap())
            .collect();
        match status {
            503 => assert!(after.len() == 1 && retry_after(after[0]), "{after:?}"),
            _ => assert!(after.is_empty(), "{after:?}"),
        }
    };
    let any: fn(u64) -> bool = |_| true;

    let unsigned = request.clone().without(fixture.proof_header);
    is_own(unsigned.send(server).await, 401, "signature_missing", any);
    let forged = request.clone().with_value(fixture.proof_header, |_| fixture.forged.into());
    is_own(forged.send(server).await, 401, "signature_mismatch", any);
    store.set_down(true);
    is_own(request.send(server).await, 503, "store_unavailable", |after| after == 42);
    store.set_down(false);

    let first = request.start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    is_own(request.send(server).await, 503, "in_flight", |after| after > 9);
    gate.open();
    for (reply, status) in [(first.reply().await, 500), (request.send(server).await, 200)] {
        assert_eq!((reply.status, reply.header("x-refused")), (status, None), "the handler's own");
    }
    is_own(request.send(server).await, 200, "duplicate", any);
}

/// What two adapters are to agree on.
#[derive(Debug, PartialEq)]
struct Told {
    what: String,
    status: u16,
    content_type: Option<String>,
    retry_after: bool,
    allow: Option<String>,
    body: Vec<u8>,
}

struct Asked(Vec<Told>);

impl Asked {
    fn note(&mut self, what: impl Into<String>, reply: Reply) {
        self.0.push(Told {
            what: what.into(),
            status: reply.status,
            content_type: reply.header("content-type").map(str::to_owned),
            retry_after: reply.header("retry-after").is_some(),
            allow: reply.header("allow").map(str::to_owned),
            body: reply.raw_body,
        });
    }
}

/// Has every kind of refusal, by the same bytes whenever `now` is the same.
async fn refusals<A: Adapter>(now: SystemTime) -> Asked {
    let mut asked = Asked(Vec::new());
    by_its_head_and_body::<A>(&mut asked, now).await;
    by_a_body_that_does_not_come::<A>(&mut asked, now).await;
    by_the_store::<A>(&mut asked, now).await;
    by_what_is_mounted_or_written_wrong::<A>(&mut asked, now).await;
    by_a_shutdown::<A>(&mut asked, now).await;
    by_parking::<A>(&mut asked, now).await;
    by_a_resolver::<A>(&mut asked, now).await;
    by_a_signed_part::<A>(&mut asked).await;
    by_a_handshake::<A>(&mut asked).await;
    asked
}

async fn by_its_head_and_body<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let with_id = with_id();
    let own = Endpoint::builder("with-id", with_id.clone()).secret(fixtures::secret());
    let mut endpoints: Vec<_> =
        fixtures::all().iter().map(|fixture| fixture.endpoint().max_body(1_000)).collect();
    endpoints.push(own);
    let endpoints = endpoints.into_iter().map(|endpoint| endpoint.build().unwrap());
    let server = A::serve(App::new(endpoints, &Handler::answering(200))).await;
    for fixture in fixtures::all() {
        let genuine = fixture.delivery_at(1, now);
        let proof = fixture.proof_header;
        let far = Duration::from_secs(90 * 24 * 3_600);
        for (what, request) in [
            ("unsigned", genuine.clone().without(proof)),
            ("forged", genuine.clone().with_value(proof, |_| fixture.forged.into())),
            ("of another form", genuine.clone().with_value(proof, |_| b"=".into())),
            ("no text", genuine.clone().with_value(proof, |_| vec![0xff])),
            ("repeated", genuine.clone().header(proof, fixture.forged)),
            ("stale", fixture.delivery_at(1, now - far)),
            ("early", fixture.delivery_at(1, now + far)),
            ("no JSON", fixture.signed("{", now)),
            ("an empty object", fixture.signed("{}", now)),
            ("a strange time", fixture.signed(r#"{"event":"x","timestamp":"noon"}"#, now)),
            ("too large", fixture.signed(" ".repeat(1_001), now)),
            ("empty", fixture.signed("", now)),
            ("genuine", genuine.clone()),
            ("handled", genuine),
        ] {
            asked.note(format!("{} {what}", fixture.name), request.send(server).await);
        }
    }
    let secret = fixtures::secret();
    let headers = Signer::new(&with_id, &secret).id("msg_1").at(now).sign("{}");
    let request = Request::post("with-id", headers, "{}");
    asked.note("without an id", request.clone().without("x-id").send(server).await);
    asked.note("with an id", request.send(server).await);
}

/// A provider whose signed content has an id and a time.
fn with_id() -> Provider {
    Provider::builder("with-id")
        .hmac_sha256(Signature::header("x-signature"))
        .signed_content([Part::Id, Part::literal("."), Part::Body])
        .event_id_header("x-id")
        .build()
        .unwrap()
}

async fn by_a_body_that_does_not_come<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    for fixture in fixtures::all() {
        let endpoint = fixture.endpoint().body_timeout(Duration::from_millis(100)).max_body(1_000);
        let app = App::new([endpoint.build().unwrap()], &Handler::answering(200));
        let server = A::serve(app).await;
        let request = fixture.delivery_at(1, now);
        let part = request.head("content-length: 200");
        let endless = [
            request.head("transfer-encoding: chunked"),
            b"ffffff\r\n".into(),
            [b' '; 2_000].into(),
        ]
        .concat();
        let broken = [request.head("transfer-encoding: chunked"), b"no length\r\n".into()].concat();
        for (what, bytes) in [("late", part), ("endless", endless), ("broken off", broken)] {
            let mut connection = Connection::open(server).await;
            connection.write(&bytes).await;
            asked.note(format!("{} {what}", fixture.name), connection.reply().await);
        }
    }
}

async fn by_the_store<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let fixture = fixtures::piora();
    let down = Switchable::default();
    down.set_down(true);
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    let server = A::serve(app.store(Arc::new(down))).await;
    asked.note("no store", fixture.delivery_at(1, now).send(server).await);

    let (gate, small) = (Gate::shut(), MemoryStore::builder().capacity(1).build());
    let handler = Handler::gated(&gate);
    let silent = fixture.endpoint().answer(RejectionKind::Duplicate, 204);
    let app = App::new([silent.build().unwrap()], &handler).store(Arc::new(small));
    let server = A::serve(app).await;
    let first = fixture.delivery_at(1, now).start(server).await;
    eventually("the handler runs", || handler.runs() == 1).await;
    asked.note("in flight", fixture.delivery_at(1, now).send(server).await);
    asked.note("full", fixture.delivery_at(2, now).send(server).await);
    gate.open();
    asked.note("handled", first.reply().await);
    asked.note("again, and nothing to say", fixture.delivery_at(1, now).send(server).await);
}

async fn by_what_is_mounted_or_written_wrong<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let fixture = fixtures::piora();
    let request = fixture.delivery_at(1, now);
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    let server = A::serve(app.clone().shape(Shape::AllMethods)).await;
    asked.note("another method", request.clone().method("PUT").send(server).await);
    let server = A::serve(app.clone().shape(Shape::Around)).await;
    asked.note("not taken", request.clone().to("/empty").send(server).await);
    let server = A::serve(app.shape(Shape::Twice)).await;
    asked.note("twice", request.send(server).await);
    let handler = Handler::new(|call| async move {
        Uncommitted::complete(call.delivery.claim()).await;
        200
    });
    let app = App::new([fixture.endpoint().build().unwrap()], &handler);
    let server = A::serve(app.store(Arc::new(Uncommitted::default()))).await;
    asked.note("not committed", request.send(server).await);
}

async fn by_parking<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let fixture = fixtures::piora();
    let endpoint = fixture.endpoint().park(Parking::after(1)).build().unwrap();
    let server = A::serve(App::new([endpoint], &Handler::answering(500))).await;
    asked.note("parked", fixture.delivery_at(1, now).send(server).await);
}

async fn by_a_resolver<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let fixture = fixtures::piora();
    let down = async |_: String| Err::<Option<TenantSecrets>, ResolveError>("down".into());
    let endpoint = Endpoint::builder(fixture.name, fixture.provider.clone());
    let endpoint = endpoint.resolve(ResolvedSecrets::for_all(down)).build().unwrap();
    let server = A::serve(App::new([endpoint], &Handler::answering(200))).await;
    asked.note("no secrets", fixture.delivery_at(1, now).send(server).await);
}

async fn by_a_shutdown<A: Adapter>(asked: &mut Asked, now: SystemTime) {
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::answering(200));
    app.tasks.drain();
    let server = A::serve(app).await;
    asked.note("shutting down", fixture.delivery_at(1, now).send(server).await);
}

/// Framer signs one of its headers, which is not there.
async fn by_a_signed_part<A: Adapter>(asked: &mut Asked) {
    let framer = catalogue::by_id("framer").unwrap().provider();
    let endpoint = Endpoint::builder("framer", framer).secret(fixtures::secret()).build().unwrap();
    let server = A::serve(App::new([endpoint], &Handler::answering(200))).await;
    let headers = vec![("framer-signature".to_owned(), fixtures::piora().forged.to_owned())];
    asked.note("without a part", Request::post("framer", headers, "{}").send(server).await);
}

async fn by_a_handshake<A: Adapter>(asked: &mut Asked) {
    let meta = catalogue::by_id("meta").unwrap().provider();
    let endpoint = Endpoint::builder("meta", meta).secret(fixtures::secret());
    let endpoint = endpoint.verify_token(Secret::new("t").unwrap()).build().unwrap();
    // With `post(…).layer(…)`, axum would add `Allow` to each answer to a `GET`.
    let app = App::new([endpoint], &Handler::answering(200)).shape(Shape::AllMethods);
    let server = A::serve(app).await;
    for token in ["t", "u"] {
        let target = format!("/meta?hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}");
        let get = Request::post("", Vec::new(), "").method("GET").to(&target);
        asked.note("a handshake", get.send(server).await);
    }
}

#[tokio::test]
async fn a_refusal_is_the_same_on_every_adapter() {
    let now = SystemTime::now();
    let (on_axum, on_actix, on_axum_http2, on_actix_http2) = tokio::join!(
        refusals::<Axum<false>>(now),
        refusals::<Actix<false>>(now),
        refusals::<Axum<true>>(now),
        refusals::<Actix<true>>(now),
    );
    for (other, asked) in [
        ("actix", on_actix),
        ("axum over HTTP/2", on_axum_http2),
        ("actix over HTTP/2", on_actix_http2),
    ] {
        for (axum, other_told) in on_axum.0.iter().zip(&asked.0) {
            assert_eq!(axum, other_told, "axum and {other}");
        }
        assert_eq!(on_axum.0.len(), asked.0.len());
    }
    let told: BTreeSet<_> =
        on_axum.0.iter().map(|told| String::from_utf8(told.body.clone()).unwrap()).collect();
    for kind in RejectionKind::ALL {
        assert!(told.contains(kind.body()), "{kind:?} was not provoked");
    }
}
