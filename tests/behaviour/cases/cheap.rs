//! P7: an unsigned flood costs a header look-up each.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{Adapter, App, Handler, on_every_adapter};
use crate::logs::Logs;
use crate::stores::Switchable;

on_every_adapter! {
    a_forged_flood_touches_no_store
    a_refused_body_is_not_read
    a_forged_flood_is_one_warning
}

async fn a_forged_flood_touches_no_store<A: Adapter>() {
    for fixture in fixtures::all() {
        let (handler, store) = (Handler::answering(200), Switchable::default());
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let server = A::serve(app.store(Arc::new(store.clone()))).await;
        let mut connection = Connection::open(server).await;
        for number in 0..100 {
            let request = fixture.delivery(number);
            let request = match number % 2 {
                0 => request.without(fixture.proof_header),
                _ => request.with_value(fixture.proof_header, |_| fixture.forged.into()),
            };
            connection.write(&request.bytes()).await;
            match connection.try_reply().await {
                Some(reply) => assert_eq!(reply.status, 401),
                None => connection = Connection::open(server).await,
            }
        }
        assert_eq!((store.calls(), handler.runs()), (0, 0), "{}", fixture.name);
    }
}

/// The body never comes, so an answer shows that nobody waited for it.
async fn a_refused_body_is_not_read<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let mut refused = vec![fixture.delivery(1).without(fixture.proof_header)];
        refused.push(fixture.delivery(1).with_value(fixture.proof_header, |_| b"?".to_vec()));
        if !fixture.signs_the_body() {
            // A token is proven, or not, by the headers alone.
            refused.push(
                fixture.delivery(1).with_value(fixture.proof_header, |_| fixture.forged.into()),
            );
        }
        for request in refused {
            for framing in ["content-length: 1000", "transfer-encoding: chunked"] {
                let mut connection = Connection::open(server).await;
                connection.write(&request.head(framing)).await;
                assert_eq!(connection.reply().await.status, 401);
            }
        }
    }
}

async fn a_forged_flood_is_one_warning<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::INFO);
    let handler = Handler::answering(200);
    for fixture in fixtures::all() {
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        for number in 0..5 {
            let request = fixture.delivery(number);
            request.clone().without(fixture.proof_header).send(server).await;
            request.with_value(fixture.proof_header, |_| fixture.forged.into()).send(server).await;
        }
    }
    // But for one line a minute and endpoint, because a wrong secret looks the same.
    let log = logs.text();
    assert_eq!(log.lines().count(), fixtures::all().len(), "{log}");
    let warned = |line: &str| line.contains("WARN") && line.contains("mismatches=1");
    assert!(log.lines().all(warned), "{log}");
    // The log does work: a genuine delivery is in it.
    let fixture = fixtures::piora();
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    fixture.delivery(1).send(server).await;
    assert!(logs.text().contains("webhook handled"), "{}", logs.text());
}
