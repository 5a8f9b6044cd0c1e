//! A resolver that is down, hangs or panics: nobody is refused for good.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use countersign::{Endpoint, ManualClock};

use super::{ROUTE, Vault, by_path, endpoint, request, serve};
use crate::fixtures;
use crate::harness::{Adapter, App, Gate, Handler, on_every_adapter};

on_every_adapter! {
    a_resolver_that_is_down_is_no_401
    a_resolver_that_hangs_or_panics_is_no_401
    what_was_looked_up_stays_usable_while_the_resolver_is_down
    a_forged_delivery_and_a_refresh_together_ask_once_in_a_pause
}

async fn a_resolver_that_is_down_is_no_401<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let app = App::new([endpoint(by_path(&vault))], &handler);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    vault.down.store(true, Ordering::SeqCst);
    let genuine = request("acme", "a", 1);
    genuine.send(server).await.is_not_now("secrets_unavailable");
    request("nobody", "x", 1).send(server).await.is_not_now("secrets_unavailable");
    let reason = reports.all()[0].1.map(|reason| reason.as_str());
    assert_eq!(reason, Some("secrets_unavailable"));
    vault.down.store(false, Ordering::SeqCst);
    assert_eq!(genuine.send(server).await.status, 200, "it is accepted on its retry");
    // A secret that cannot be used is the operator's mistake, too.
    vault.set("empty", &[""]);
    request("empty", "x", 1).send(server).await.is_not_now("secrets_unavailable");
}

async fn a_resolver_that_hangs_or_panics_is_no_401<A: Adapter>() {
    let gate = Gate::shut();
    let vault = Vault::with(&[("acme", &["a"])]).gated(&gate);
    let handler = Handler::answering(200);
    let secrets = by_path(&vault).timeout(Duration::from_millis(200));
    let server = serve::<A>(endpoint(secrets), &handler).await;
    let genuine = request("acme", "a", 1);
    genuine.send(server).await.is_not_now("secrets_unavailable");
    vault.panics.store(true, Ordering::SeqCst);
    gate.open();
    genuine.send(server).await.is_not_now("secrets_unavailable");
    vault.panics.store(false, Ordering::SeqCst);
    // On a machine that stands still, a look-up may take too long once more.
    for _ in 0..100 {
        let reply = genuine.send(server).await;
        if reply.status == 200 {
            return;
        }
        reply.is_not_now("secrets_unavailable");
    }
    panic!("it is never accepted");
}

async fn what_was_looked_up_stays_usable_while_the_resolver_is_down<A: Adapter>() {
    let clock = ManualClock::at(SystemTime::now());
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let secrets = by_path(&vault).fresh_for(Duration::from_secs(60));
    let secrets = secrets.usable_for(Duration::from_secs(200));
    let provider = fixtures::hostwares().provider;
    let builder = Endpoint::builder(ROUTE, provider).resolve(secrets).clock(clock.clone());
    let server = serve::<A>(builder.build().unwrap(), &handler).await;
    assert_eq!(request("acme", "a", 1).send(server).await.status, 200);
    vault.down.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(61));
    for number in 2..6 {
        assert_eq!(request("acme", "a", number).send(server).await.status, 200);
    }
    assert_eq!(vault.asked(), 2, "one delivery asks, and not each");
    clock.advance(Duration::from_secs(140));
    request("acme", "a", 6).send(server).await.is_not_now("secrets_unavailable");
}

/// A forged delivery has looked just before it is time to look anyway.
async fn a_forged_delivery_and_a_refresh_together_ask_once_in_a_pause<A: Adapter>() {
    let clock = ManualClock::at(SystemTime::now());
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let secrets = by_path(&vault).fresh_for(Duration::from_secs(60));
    let provider = fixtures::hostwares().provider;
    let builder = Endpoint::builder(ROUTE, provider).resolve(secrets).clock(clock.clone());
    let server = serve::<A>(builder.build().unwrap(), &handler).await;
    assert_eq!(request("acme", "a", 1).send(server).await.status, 200);
    vault.down.store(true, Ordering::SeqCst);
    clock.advance(Duration::from_secs(59));
    request("acme", "forged", 2).send(server).await.is_not_now("secrets_unavailable");
    assert_eq!(vault.asked(), 2);
    clock.advance(Duration::from_secs(2));
    assert_eq!(request("acme", "a", 3).send(server).await.status, 200);
    assert_eq!(vault.asked(), 2, "it could not be looked up two seconds ago");
    clock.advance(Duration::from_secs(4));
    assert_eq!(request("acme", "a", 4).send(server).await.status, 200);
    assert_eq!(vault.asked(), 3);
}
