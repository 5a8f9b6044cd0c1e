//! What an operator sees: each metric moves by its cause, and by nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    Endpoint, EndpointBuilder, ManualClock, RequestHead, ResolvedSecrets, Secret, TenantSecrets,
};
use countersign_tests::Recorded;

use crate::client::{Request, Server};
use crate::fixtures::{self, Fixture, SECRET};
use crate::harness::{Adapter, App, Gate, Handler, eventually, on_every_adapter};
use crate::stores::Switchable;

on_every_adapter! {
    a_handled_event_moves_these_and_nothing_else
    what_is_refused_moves_nothing_that_speaks_of_genuine_deliveries
    duplicates_and_those_in_flight_are_told_apart
    handlers_that_fail_are_told_apart
    a_store_that_is_down_is_seen
    the_secret_that_matched_is_seen
    the_key_that_matched_is_seen
    publishers_of_keys_cannot_make_series
    senders_cannot_make_series
    several_observers_are_each_called
}

/// An application whose endpoint and store have a name that no other test has.
struct Seen {
    fixture: Fixture,
    server: Server,
    name: &'static str,
    store: Switchable,
    before: BTreeMap<String, f64>,
}

impl Seen {
    async fn serve<A: Adapter>(handler: &Handler) -> Self {
        Self::with::<A>(handler, |endpoint| endpoint).await
    }

    async fn with<A: Adapter>(
        handler: &Handler,
        settings: impl FnOnce(EndpointBuilder) -> EndpointBuilder,
    ) -> Self {
        Self::of::<A>(handler, |name, fixture| settings(fixture.endpoint_named(name))).await
    }

    async fn of<A: Adapter>(
        handler: &Handler,
        endpoint: impl FnOnce(&str, &Fixture) -> EndpointBuilder,
    ) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        Recorded::of_process();
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let name: &'static str = Box::leak(format!("measured-{number}-").into_boxed_str());
        let fixture = fixtures::hostwares();
        let store = Switchable::named(name);
        let endpoint = endpoint(name, &fixture).build().unwrap();
        let app = App::new([endpoint], handler).store(Arc::new(store.clone()));
        let server = A::serve(app).await;
        let mut seen = Self { fixture, server, name, store, before: BTreeMap::new() };
        seen.settled();
        seen
    }

    fn request(&self, number: u32) -> Request {
        self.fixture.delivery(number).to(&format!("/{}", self.name))
    }

    async fn send(&self, request: &Request) -> u16 {
        request.clone().to(&format!("/{}", self.name)).send(self.server).await.status
    }

    /// Forgets what was, so that the next [`moved`](Self::moved) begins here.
    fn settled(&mut self) {
        self.before = Recorded::of_process().of(self.name);
    }

    /// What has moved since the last call, without the names that all have in common. A moment is only
    /// said to have moved.
    fn moved(&mut self) -> Vec<String> {
        let moved = Recorded::of_process().changes(self.name, &self.before);
        self.settled();
        let own = [
            format!("endpoint={:?},", self.name),
            format!("{{endpoint={:?}}}", self.name),
            format!("store={:?},", self.name),
            "countersign_".to_owned(),
        ];
        let short =
            |name: &str| own.iter().fold(name.to_owned(), |name, own| name.replace(own, ""));
        let by = |name: &str, by: f64| match name {
            "last_genuine_delivery_timestamp_seconds" => name.to_owned(),
            _ => format!("{name} {by}"),
        };
        moved.iter().map(|(name, change)| by(&short(name), *change)).collect()
    }
}

const HANDLED: [&str; 8] = [
    r#"deliveries_total{outcome="accepted",reason="none"} 1"#,
    "delivery_age_seconds 1",
    r#"delivery_duration_seconds{outcome="accepted"} 1"#,
    "handler_duration_seconds 1",
    "last_genuine_delivery_timestamp_seconds",
    r#"secret_matches_total{secret="0"} 1"#,
    r#"store_duration_seconds{operation="claim"} 1"#,
    r#"store_duration_seconds{operation="complete"} 1"#,
];

async fn a_handled_event_moves_these_and_nothing_else<A: Adapter>() {
    let mut seen = Seen::serve::<A>(&Handler::answering(200)).await;
    let start = SystemTime::now();
    assert_eq!(seen.send(&seen.request(1)).await, 200);
    let last =
        format!("countersign_last_genuine_delivery_timestamp_seconds{{endpoint={:?}}}", seen.name);
    let last = Recorded::of_process().of(&last).into_values().next().unwrap();
    let start = start.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((start..start + 600.0).contains(&last), "{start} {last}");
    assert_eq!(seen.moved(), HANDLED);
}

async fn what_is_refused_moves_nothing_that_speaks_of_genuine_deliveries<A: Adapter>() {
    let mut seen = Seen::serve::<A>(&Handler::answering(200)).await;
    let of = |reason: &str| {
        [
            format!(r#"deliveries_total{{outcome="rejected",reason="{reason}"}} 1"#),
            r#"delivery_duration_seconds{outcome="rejected"} 1"#.to_owned(),
        ]
    };
    let forged = seen
        .request(1)
        .with_value(seen.fixture.proof_header, |_| seen.fixture.forged.as_bytes().to_vec());
    assert_eq!(seen.send(&forged).await, 401);
    assert_eq!(seen.moved(), of("signature_mismatch"));
    assert_eq!(seen.send(&seen.request(1).without(seen.fixture.proof_header)).await, 401);
    assert_eq!(seen.moved(), of("signature_missing"));
    // Genuine, and captured long ago: it does not keep the endpoint alive.
    let old = SystemTime::now() - Duration::from_secs(100 * 86_400);
    assert_eq!(seen.send(&seen.fixture.delivery_at(1, old)).await, 401);
    assert_eq!(seen.moved(), of("timestamp_stale"));
}

async fn duplicates_and_those_in_flight_are_told_apart<A: Adapter>() {
    let gate = Gate::shut();
    let mut seen = Seen::serve::<A>(&Handler::gated(&gate)).await;
    let request = seen.request(1);
    let first = request.start(seen.server).await;
    let (name, recorded) = (seen.name, Recorded::of_process());
    let in_flight = format!("countersign_claims_in_flight{{endpoint={name:?}}}");
    let held = || recorded.of(&in_flight).values().sum::<f64>();
    eventually("a claim is in flight", || held() == 1.0).await;
    seen.settled();
    assert_eq!(seen.send(&request).await, 503);
    let again = [
        "delivery_age_seconds 1",
        r#"delivery_duration_seconds{outcome="in_flight"} 1"#,
        "last_genuine_delivery_timestamp_seconds",
        r#"secret_matches_total{secret="0"} 1"#,
        r#"store_duration_seconds{operation="claim"} 1"#,
    ];
    let moved = seen.moved();
    assert_eq!(moved[0], r#"deliveries_total{outcome="in_flight",reason="in_flight"} 1"#);
    assert_eq!(moved[1..], again);
    gate.open();
    assert_eq!(first.reply().await.status, 200);
    assert_eq!(held(), 0.0);
    seen.settled();
    assert_eq!(seen.send(&request).await, 200);
    let moved = seen.moved();
    assert_eq!(moved[0], r#"deliveries_total{outcome="duplicate",reason="duplicate"} 1"#);
    assert_eq!(moved[2], r#"delivery_duration_seconds{outcome="duplicate"} 1"#);
    assert_eq!(moved.len(), 6);
}

async fn handlers_that_fail_are_told_apart<A: Adapter>() {
    let handler = Handler::new(|call| async move {
        match call.run {
            1 => 500,
            _ => panic!("of a handler, on purpose"),
        }
    });
    let mut seen = Seen::serve::<A>(&handler).await;
    let request = seen.request(1);
    let failed = |reason: &str| {
        let reason = format!(r#"deliveries_total{{outcome="failed",reason="{reason}"}} 1"#);
        let mut all = HANDLED.map(str::to_owned);
        all[0] = reason;
        all[2] = all[2].replace("accepted", "failed");
        all[7] = all[7].replace("complete", "release");
        all
    };
    assert_eq!(seen.send(&request).await, 500);
    assert_eq!(seen.moved(), failed("handler_status"));
    // However the server ends a request whose handler panicked.
    drop(request.start(seen.server).await.try_reply().await);
    let recorded = Recorded::of_process();
    let name = seen.name;
    eventually("the panic is counted", || {
        recorded.of(name).iter().any(|(name, value)| name.contains("panicked") && *value > 0.0)
    })
    .await;
    assert_eq!(seen.moved(), failed("handler_panicked"));
}

async fn a_store_that_is_down_is_seen<A: Adapter>() {
    let mut seen = Seen::serve::<A>(&Handler::answering(200)).await;
    seen.store.set_down(true);
    assert_eq!(seen.send(&seen.request(1)).await, 503);
    let moved = seen.moved();
    for said in [
        r#"deliveries_total{outcome="rejected",reason="store_unavailable"} 1"#,
        r#"store_duration_seconds{operation="claim"} 1"#,
        r#"store_errors_total{operation="claim"} 1"#,
        // It is genuine all the same.
        "last_genuine_delivery_timestamp_seconds",
    ] {
        assert!(moved.iter().any(|moved| moved == said), "{said} in {moved:?}");
    }
    assert!(!moved.iter().any(|moved| moved.contains("handler")), "{moved:?}");
}

async fn the_secret_that_matched_is_seen<A: Adapter>() {
    let old = Secret::new("of last year").unwrap();
    let second = old.clone();
    let mut seen = Seen::with::<A>(&Handler::answering(200), move |endpoint| {
        endpoint.secret(second.labeled("last year"))
    })
    .await;
    let body = seen.fixture.body(1, SystemTime::now());
    let headers = Signer::new(&seen.fixture.provider, &old).sign(&body);
    assert_eq!(seen.send(&Request::post(seen.name, headers, body)).await, 200);
    let moved = seen.moved();
    let matches: Vec<_> = moved.iter().filter(|moved| moved.starts_with("secret")).collect();
    assert_eq!(matches, [r#"secret_matches_total{secret="last year"} 1"#]);
    assert!(!format!("{:?}", Recorded::of_process()).contains(SECRET));
}

/// Keys that are looked up for all deliveries have their labels. Those of tenants would be too many.
async fn the_key_that_matched_is_seen<A: Adapter>() {
    let found = |_: String| {
        let secrets = ["new", "old"].map(|text| Secret::new(text).unwrap().labeled(text));
        std::future::ready(Ok(Some(TenantSecrets::new(secrets))))
    };
    for (secrets, seen_as) in [
        (ResolvedSecrets::for_all(found), "old"),
        (ResolvedSecrets::by(|_: &dyn RequestHead| Some("acme".to_owned()), found), "1"),
    ] {
        let handler = Handler::answering(200);
        let mut seen = Seen::of::<A>(&handler, |name, fixture| {
            Endpoint::builder(name, fixture.provider.clone()).resolve(secrets)
        })
        .await;
        let body = seen.fixture.body(1, SystemTime::now());
        let old = Secret::new("old").unwrap();
        let headers = Signer::new(&seen.fixture.provider, &old).sign(&body);
        assert_eq!(seen.send(&Request::post(seen.name, headers, body)).await, 200);
        let expected = format!("secret_matches_total{{secret={seen_as:?}}} 1");
        assert!(seen.moved().contains(&expected), "{expected}");
    }
}

/// A set whose keys have other names each time that it is looked up.
async fn publishers_of_keys_cannot_make_series<A: Adapter>() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let found = move |_: String| {
        let time = count.fetch_add(1, Ordering::SeqCst);
        let others =
            (0..40).map(|key| Secret::new("other").unwrap().labeled(format!("{time}-{key}")));
        let current = Secret::new(SECRET).unwrap().labeled("current");
        let secrets = std::iter::once(current).chain(others);
        std::future::ready(Ok(Some(TenantSecrets::new(secrets))))
    };
    let keys = ResolvedSecrets::for_all(found).fresh_for(Duration::from_millis(1));
    let clock = ManualClock::at(SystemTime::now());
    let handler = Handler::answering(200);
    let mut seen = Seen::of::<A>(&handler, |name, fixture| {
        Endpoint::builder(name, fixture.provider.clone()).resolve(keys).clock(clock.clone())
    })
    .await;
    for number in 0..10 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(seen.send(&seen.request(number)).await, 200);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 10);
    assert!(seen.moved().contains(&r#"secret_matches_total{secret="current"} 10"#.to_owned()));
    let all = Recorded::of_process().of(seen.name).into_keys();
    let series = all.filter(|name| name.contains("secret_matches_total")).count();
    assert_eq!(series, 257, "256, and the others");
}

async fn senders_cannot_make_series<A: Adapter>() {
    let seen = Seen::serve::<A>(&Handler::answering(200)).await;
    seen.send(&seen.request(0)).await;
    let recorded = Recorded::of_process();
    let before: Vec<_> = recorded.of(seen.name).into_keys().collect();
    for number in 0..200 {
        let now = SystemTime::now();
        let time = fixtures::rfc3339(now);
        let body = format!(
            r#"{{"id":"evt{number}\"}} 1\n","event":"type-{number}\u0000","timestamp":"{time}"}}"#
        );
        let genuine = seen.fixture.signed(body, now).to(&format!("/{}", seen.name));
        let genuine = genuine.header("user-agent", format!("{number}"));
        assert_eq!(seen.send(&genuine).await, 200);
        let forged = genuine.with_value(seen.fixture.proof_header, |_| {
            format!("sha256={number:064x}").into_bytes()
        });
        assert_eq!(seen.send(&forged).await, 401);
        seen.send(&forged.with_value(seen.fixture.proof_header, |_| vec![b'x'; number])).await;
    }
    let after: Vec<_> = recorded.of(seen.name).into_keys().collect();
    assert_eq!(before, after);
}

async fn several_observers_are_each_called<A: Adapter>() {
    let app =
        App::new([fixtures::hostwares().endpoint().build().unwrap()], &Handler::answering(200));
    let (first, second) = (app.reports.clone(), app.more_reports.clone());
    let server = A::serve(app).await;
    assert_eq!(fixtures::hostwares().delivery(1).send(server).await.status, 200);
    assert_eq!(first.all().len(), 1);
    assert_eq!(first.all(), second.all());
}
