//! Floods of requests from strangers: they cost few look-ups, and hold up no tenant.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use countersign::{Endpoint, ManualClock, ResolvedSecrets, SecretResolver as _};

use super::{LONG, ROUTE, Vault, by_path, endpoint, request, serve, serve_on_a_clock};
use crate::client::Connection;
use crate::fixtures;
use crate::harness::{Adapter, App, Gate, Handler, eventually, on_every_adapter};
use crate::stores::Switchable;

on_every_adapter! {
    a_flood_of_unsigned_requests_looks_nothing_up
    a_flood_of_unknown_tenants_is_looked_up_once_each_and_touches_no_store
    a_flood_of_unknown_tenants_drives_no_tenant_out
    forged_deliveries_of_a_tenant_look_up_rarely
    a_flood_of_unknown_tenants_does_not_hold_up_those_that_are_known
}

async fn a_flood_of_unsigned_requests_looks_nothing_up<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let server = serve::<A>(endpoint(by_path(&vault)), &handler).await;
    for number in 0..50 {
        let unsigned = request("acme", "a", number).without("x-hostwares-signature");
        // The body never comes, so an answer shows that nobody waited for it.
        let mut connection = Connection::open(server).await;
        connection.write(&unsigned.head("content-length: 1000")).await;
        assert_eq!(connection.reply().await.status, 401);
    }
    assert_eq!(vault.asked(), 0);
}

async fn a_flood_of_unknown_tenants_is_looked_up_once_each_and_touches_no_store<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let (handler, store) = (Handler::answering(200), Switchable::default());
    let app = App::new([endpoint(by_path(&vault))], &handler).store(Arc::new(store.clone()));
    let server = A::serve(app).await;
    for number in 0..40 {
        let unknown = request(&format!("nobody-{}", number % 4), "x", number);
        assert_eq!(unknown.send(server).await.status, 401);
    }
    assert_eq!((vault.asked(), store.calls(), handler.runs()), (4, 0, 0));
}

async fn a_flood_of_unknown_tenants_drives_no_tenant_out<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    // Room for one tenant, which names that nobody has must not take.
    let server = serve::<A>(endpoint(by_path(&vault).capacity(1)), &handler).await;
    assert_eq!(request("acme", "a", 1).send(server).await.status, 200);
    for number in 0..40 {
        let unknown = request(&format!("nobody-{number}"), "x", number);
        assert_eq!(unknown.send(server).await.status, 401);
    }
    let asked = vault.asked();
    assert_eq!(request("acme", "a", 2).send(server).await.status, 200);
    assert_eq!(vault.asked(), asked, "the flood drove a tenant out of the cache");
}

async fn forged_deliveries_of_a_tenant_look_up_rarely<A: Adapter>() {
    let vault = Vault::with(&[("acme", &["a"])]);
    let handler = Handler::answering(200);
    let (server, clock) = serve_on_a_clock::<A>(&vault, &handler).await;
    assert_eq!(request("acme", "a", 1).send(server).await.status, 200);
    for round in 1..4 {
        clock.advance(Duration::from_secs(5));
        for number in 0..10 {
            let forged = request("acme", "x", number).send(server).await;
            forged.is_rejection(401, "signature_mismatch");
        }
        assert_eq!(vault.asked(), 1 + round, "in five seconds");
    }
}

/// Else their secrets could not be looked up again for as long as the flood goes on.
async fn a_flood_of_unknown_tenants_does_not_hold_up_those_that_are_known<A: Adapter>() {
    let (clock, gate) = (ManualClock::at(SystemTime::now()), Gate::shut());
    let vault = Vault::with(&[("acme", &["old"])]);
    let resolver = {
        let (vault, gate) = (vault.clone(), gate.clone());
        move |tenant: String| {
            let (vault, gate) = (vault.clone(), gate.clone());
            async move {
                if tenant != "acme" {
                    gate.pass().await;
                }
                vault.resolve(&tenant).await
            }
        }
    };
    let handler = Handler::answering(200);
    let secrets = ResolvedSecrets::by_path("/t/{tenant}/hook", resolver).concurrent(1);
    let provider = fixtures::hostwares().provider;
    let builder = Endpoint::builder(ROUTE, provider).resolve(secrets.timeout(LONG));
    let app = App::new([builder.clock(clock.clone()).build().unwrap()], &handler);
    let at_work = app.at_work.clone();
    let server = A::serve(app).await;
    assert_eq!(request("acme", "old", 1).send(server).await.status, 200);
    let flood: Vec<_> = (0..20)
        .map(|number| {
            let unknown = request(&format!("nobody-{number}"), "x", number);
            tokio::spawn(async move { unknown.send(server).await.status })
        })
        .collect();
    // One of them is looked up, and the others wait for that.
    eventually("the flood is there", || at_work.count() == flood.len()).await;
    vault.set("acme", &["new"]);
    clock.advance(Duration::from_secs(61));
    assert_eq!(request("acme", "new", 2).send(server).await.status, 200);
    gate.open();
    for status in flood {
        assert_eq!(status.await.unwrap(), 401);
    }
}
