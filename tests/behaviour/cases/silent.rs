//! P8: no secret, expected MAC or token in any log or answer; and what a log does say.

use countersign::testing::Signer;
use tracing::level_filters::LevelFilter;

use crate::fixtures::{self, SECRET};
use crate::harness::{Adapter, App, Handler, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    no_log_and_no_answer_holds_a_secret
    a_delivery_is_traced_with_its_facts
    a_stale_replay_is_no_warning
    a_failure_that_is_never_retried_is_an_error
}

async fn no_log_and_no_answer_holds_a_secret<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::TRACE);
    let mut answers = String::new();
    let mut forbidden = vec![SECRET.to_owned(), "not-the-token".to_owned(), "not-it".to_owned()];
    for fixture in fixtures::all() {
        let handler = Handler::answering_in_turn(&[500, 200]);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let genuine = fixture.delivery(1);
        for request in [
            genuine.clone().without(fixture.proof_header),
            genuine.clone().with_value(fixture.proof_header, |_| fixture.forged.into()),
            genuine.clone(),
            genuine.clone(),
            genuine.clone(),
            fixture.signed("not JSON", std::time::SystemTime::now()),
        ] {
            // What the provider would have sent is what a forger would like to read.
            let expected = Signer::new(&fixture.provider, &fixtures::secret()).sign(&request.body);
            forbidden.extend(expected.into_iter().filter_map(|(name, value)| {
                (name == fixture.proof_header)
                    .then(|| value.trim_start_matches("sha256=").to_owned())
            }));
            let reply = request.send(server).await;
            answers.push_str(&format!("{reply:?}"));
        }
    }
    assert!(logs.text().contains("webhook refused"), "the log works");
    for secret in forbidden {
        assert!(!logs.text().contains(&secret), "{secret} is in the log");
        assert!(!answers.contains(&secret), "{secret} is in an answer");
    }
}

async fn a_delivery_is_traced_with_its_facts<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::INFO);
    let fixture = fixtures::hostwares();
    let handler = Handler::new(|_| async {
        tracing::info!("said by the handler");
        200
    });
    let endpoint = countersign::Endpoint::builder("shop", fixture.provider.clone())
        .secret(fixtures::secret().labeled("summer"))
        .build()
        .unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    let mut request = fixture.delivery(1);
    request.path = "/shop".to_owned();
    request.send(server).await;
    let log = logs.text();
    let key = handler.seen()[0].0.key().to_string();
    let line = log.lines().find(|line| line.contains("webhook handled")).expect(&log);
    for fact in [
        "endpoint=\"shop\"",
        "provider=\"hostwares\"",
        "event=\"deployment.failed\"",
        &key,
        "secret=\"summer\"",
        "outcome=\"accepted\"",
        "status=200",
        "duration_us=",
    ] {
        assert!(line.contains(fact), "{fact} is not in {line}");
    }
    let said = log.lines().find(|line| line.contains("said by the handler")).expect(&log);
    assert!(said.contains("webhook{endpoint=\"shop\""), "the handler runs in the span: {said}");
}

/// Whoever has captured one delivery can send it for ever.
async fn a_stale_replay_is_no_warning<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::WARN);
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let captured =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_705_314_600);
    fixture.delivery_at(1, captured).send(server).await.is_rejection(401, "timestamp_stale");
    assert_eq!(logs.text(), "");
    // A proven body of another kind is one: the log works.
    fixture.signed("{", std::time::SystemTime::now()).send(server).await;
    assert!(logs.text().contains("proven but refused"), "{}", logs.text());
}

/// Percher sends once: what its handler fails is lost.
async fn a_failure_that_is_never_retried_is_an_error<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    for (fixture, said) in [(fixtures::piora(), false), (fixtures::percher(), true)] {
        let handler = Handler::answering(500);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        assert_eq!(fixture.delivery(1).send(server).await.status, 500);
        assert_eq!(logs.text().contains("does not retry"), said, "{}", logs.text());
    }
}
