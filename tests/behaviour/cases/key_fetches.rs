//! What senders can do to the fetching of a provider's keys, and an address that answers badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{
    Endpoint, ManualClock, Provider, ResolveError, ResolvedSecrets, Secret, TenantSecrets, Token,
};
use tracing::level_filters::LevelFilter;

use super::key_sets::{KEY_ID, Keys, Published, ROUTE, request};
use crate::client::Request;
use crate::harness::{Adapter, App, Handler, eventually, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    fetches_that_fail_are_few
    what_matches_nothing_while_a_fetch_fails_is_for_later
    a_new_name_while_keys_are_fetched_is_for_later
    a_new_name_beside_keys_without_an_id_is_for_later
    a_wrong_token_under_a_known_name_fetches_nothing
    too_many_keys_are_no_keys
}

async fn fetches_that_fail_are_few<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.published.down.store(true, Ordering::SeqCst);
    keys.a_minute_later();
    for forged in 10..30 {
        keys.is_for_later(request(9, Some(&forged.to_string()), 0)).await;
        keys.is_for_later(request(2, None, 0)).await;
        keys.is_forged(request(9, Some("1"), 0)).await;
    }
    assert_eq!(keys.published.fetched(), 2);
    keys.published.down.store(false, Ordering::SeqCst);
    keys.published.set(&[2, 1]);
    keys.clock.advance(Duration::from_secs(5));
    keys.is_accepted(request(2, None, 2)).await;
}

/// However lately the keys were fetched that are there.
async fn what_matches_nothing_while_a_fetch_fails_is_for_later<A: Adapter>() {
    let soon =
        |keys: ResolvedSecrets| keys.key_id_header(KEY_ID).fresh_for(Duration::from_secs(30));
    let keys = Keys::of::<A>(Published::with(&[1, 7]).without_id(&[7]), soon).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.published.down.store(true, Ordering::SeqCst);
    keys.clock.advance(Duration::from_secs(35));
    for _ in 0..2 {
        keys.is_for_later(request(2, None, 2)).await;
        keys.is_for_later(request(2, Some("2"), 2)).await;
        keys.is_accepted(request(1, Some("1"), 1)).await;
    }
    assert_eq!(keys.published.fetched(), 2);
    keys.published.down.store(false, Ordering::SeqCst);
    keys.published.set(&[2, 1]);
    keys.clock.advance(Duration::from_secs(30));
    keys.is_accepted(request(2, Some("2"), 2)).await;
}

async fn a_new_name_while_keys_are_fetched_is_for_later<A: Adapter>() {
    let keys = Keys::served::<A>(Published::with(&[1])).await;
    keys.is_accepted(request(1, Some("1"), 1)).await;
    keys.a_minute_later();
    keys.published.takes.store(500, Ordering::SeqCst);
    let forged = request(9, Some("forged"), 0).start(keys.server).await;
    eventually("a fetch", || keys.published.fetched() == 2).await;
    // What is on its way was read before this.
    keys.published.set(&[2, 1]);
    keys.is_for_later(request(2, Some("2"), 2)).await;
    forged.reply().await.is_rejection(401, "signature_mismatch");
    keys.a_minute_later();
    keys.is_accepted(request(2, Some("2"), 2)).await;
}

async fn a_new_name_beside_keys_without_an_id_is_for_later<A: Adapter>() {
    let published = Published::with(&[1, 7]).without_id(&[7]);
    let keys = Keys::served::<A>(published).await;
    keys.is_accepted(request(7, Some("whatever"), 1)).await;
    keys.published.set(&[2, 1, 7]);
    keys.is_for_later(request(2, Some("2"), 2)).await;
    keys.is_forged(request(2, Some("1"), 2)).await;
    keys.a_minute_later();
    keys.is_accepted(request(2, Some("2"), 2)).await;
    keys.a_minute_later();
    keys.is_forged(request(9, Some("3"), 3)).await;
}

async fn a_wrong_token_under_a_known_name_fetches_nothing<A: Adapter>() {
    let provider = Provider::builder("keys").shared_token(Token::header("x-token"));
    let provider = provider.event_id("id").build().unwrap();
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let keys = ResolvedSecrets::for_all(move |_: String| {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            let token = Secret::new("the first token")?.with_key_id("1");
            Ok::<_, ResolveError>(Some(TenantSecrets::new([token])))
        }
    });
    let keys = keys.key_id_header(KEY_ID).fresh_for(Duration::from_secs(86_400));
    let clock = ManualClock::at(SystemTime::now());
    let endpoint = Endpoint::builder(ROUTE, provider.clone()).resolve(keys).clock(clock.clone());
    let server = A::serve(App::new([endpoint.build().unwrap()], &Handler::answering(200))).await;
    let send = async |token: &str| {
        let body = r#"{"id":"evt_1"}"#;
        let headers = Signer::new(&provider, &Secret::new(token).unwrap()).sign(body);
        Request::post(ROUTE, headers, body).header(KEY_ID, "1").send(server).await
    };
    assert_eq!(send("the first token").await.status, 200);
    clock.advance(Duration::from_secs(60));
    send("another one").await.is_rejection(401, "token_mismatch");
    assert_eq!(fetched.load(Ordering::SeqCst), 1);
}

/// A delivery that names no key would be held against all of them.
async fn too_many_keys_are_no_keys<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::WARN);
    let numbers: Vec<u8> = (1..=65).collect();
    let keys = Keys::served::<A>(Published::with(&numbers)).await;
    for named in [None, Some("1"), Some("65"), Some("forged")] {
        keys.is_for_later(request(1, named, 1)).await;
    }
    assert_eq!(keys.handler.runs(), 0);
    let log = logs.text();
    for said in ["found 65 secrets", "against 64 at most", "let it find those that are valid now"] {
        assert!(log.contains(said), "{said} is not in {log}");
    }
    keys.published.set(&numbers[..64]);
    keys.is_accepted(request(64, None, 1)).await;
    keys.is_accepted(request(64, Some("64"), 2)).await;
    // The last good keys are used, as with an address that is down.
    keys.published.set(&numbers);
    keys.a_minute_later();
    keys.is_for_later(request(65, Some("65"), 3)).await;
    keys.is_accepted(request(64, Some("64"), 3)).await;
}
