//! Secrets and tenants that change while deliveries come in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::{Endpoint, ManualClock, ResolvedSecrets, SecretResolver as _};

use super::{LONG, ROUTE, Vault, by_path, endpoint, request, serve, serve_on_a_clock};
use crate::client::Connection;
use crate::fixtures;
use crate::harness::{Adapter, Gate, Handler, eventually, on_every_adapter};

on_every_adapter! {
    a_secret_that_was_changed_everywhere_is_accepted_at_once
    a_secret_is_rotated_under_load
    a_look_up_that_began_before_a_change_does_not_count_as_one_after_it
    a_new_tenant_is_accepted_once_its_name_is_forgotten
    a_tenant_that_is_taken_away_is_refused
}

async fn a_secret_that_was_changed_everywhere_is_accepted_at_once<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["old"])]);
    let handler = Handler::answering(200);
    let (server, clock) = serve_on_a_clock::<A>(&vault, &handler).await;
    assert_eq!(request("acme", "old", 1).send(server).await.status, 200);
    clock.advance(Duration::from_secs(6));
    vault.set("acme", &["new"]);
    // In several chunks, so that the body was fed to the old key as it came.
    let mut connection = Connection::open(server).await;
    connection.write(&request("acme", "new", 2).chunked(10)).await;
    assert_eq!(connection.reply().await.status, 200);
    request("acme", "old", 3).send(server).await.is_rejection(401, "signature_mismatch");
    assert_eq!(vault.asked(), 2);
}

/// As an operator does it: both secrets in the database, then the provider, then the old one goes.
async fn a_secret_is_rotated_under_load<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["old"]), ("globex", &["g"])]);
    let handler = Handler::answering(200);
    let secrets = by_path(&vault).fresh_for(Duration::from_millis(50));
    let secrets = secrets.look_again_after(Duration::from_millis(50));
    let server = serve::<A>(endpoint(secrets), &handler).await;
    let signs_with = Arc::new(Mutex::new("old"));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..4_u32)
        .map(|sender| {
            let (signs_with, stop) = (Arc::clone(&signs_with), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut sent = 0;
                while !stop.load(Ordering::SeqCst) {
                    let secret = *signs_with.lock().unwrap();
                    let number = sender * 1_000_000 + sent;
                    let reply = request("acme", secret, number).send(server).await;
                    assert_eq!(reply.status, 200, "{secret}: {:?}", reply.body);
                    sent += 1;
                }
                sent as usize
            })
        })
        .collect();
    let a_while = || tokio::time::sleep(Duration::from_millis(300));
    a_while().await;
    vault.set("acme", &["new", "old"]);
    a_while().await;
    *signs_with.lock().unwrap() = "new";
    a_while().await;
    vault.set("acme", &["new"]);
    a_while().await;
    stop.store(true, Ordering::SeqCst);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    assert_eq!(handler.runs(), sent);
    request("acme", "old", 9).send(server).await.is_rejection(401, "signature_mismatch");
}

/// It may have read what was there before the change, however late it ends.
async fn a_look_up_that_began_before_a_change_does_not_count_as_one_after_it<A: Adapter>() {
    let (gate, clock) = (Gate::shut(), ManualClock::at(SystemTime::now()));
    let vault = Vault::with(&[("acme", &["old"])]);
    let resolver = {
        let (gate, vault) = (gate.clone(), vault.clone());
        move |tenant: String| {
            let (gate, vault) = (gate.clone(), vault.clone());
            async move {
                let found = vault.resolve(&tenant).await;
                gate.pass().await;
                found
            }
        }
    };
    let handler = Handler::answering(200);
    let secrets = ResolvedSecrets::by_path("/t/{tenant}/hook", resolver).timeout(LONG);
    let provider = fixtures::hostwares().provider;
    let builder = Endpoint::builder(ROUTE, provider).resolve(secrets).clock(clock.clone());
    let server = serve::<A>(builder.build().unwrap(), &handler).await;
    let first = tokio::spawn(async move { request("acme", "old", 1).send(server).await.status });
    eventually("a look-up", || vault.asked() == 1).await;
    vault.set("acme", &["new", "old"]);
    clock.advance(Duration::from_secs(5));
    gate.open();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(request("acme", "new", 2).send(server).await.status, 200);
}

async fn a_new_tenant_is_accepted_once_its_name_is_forgotten<A: Adapter>() {
    let vault = Vault::default();
    let handler = Handler::answering(200);
    let endpoint = endpoint(by_path(&vault));
    let server = serve::<A>(endpoint.clone(), &handler).await;
    let genuine = request("acme", "a", 1);
    assert_eq!(genuine.send(server).await.status, 401);
    vault.set("acme", &["a"]);
    assert_eq!(genuine.send(server).await.status, 401, "it is remembered that there is none");
    endpoint.forget_secrets_of("acme");
    assert_eq!(genuine.send(server).await.status, 200);
}

async fn a_tenant_that_is_taken_away_is_refused<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let (server, clock) = serve_on_a_clock::<A>(&vault, &handler).await;
    assert_eq!(request("acme", "a", 1).send(server).await.status, 200);
    vault.take("acme");
    clock.advance(Duration::from_secs(61));
    request("acme", "a", 2).send(server).await.is_rejection(401, "signature_mismatch");
    request("acme", "a", 3).send(server).await.is_rejection(401, "signature_mismatch");
    assert_eq!(handler.runs(), 1);
}
