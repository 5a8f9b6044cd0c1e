//! Deliveries that wait for a look-up, and senders that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use countersign::{ResolveError, ResolvedSecrets, Secret, TenantSecrets};

use super::{Vault, by_path, endpoint, request, serve};
use crate::client::Connection;
use crate::harness::{
    Adapter, App, Gate, Handler, eventually, on_every_adapter, on_every_adapter_over_http1,
};

on_every_adapter! {
    many_deliveries_wait_for_one_look_up
    look_ups_are_bounded
    a_look_up_that_hung_does_not_hold_up_the_next_ones
}

// Over HTTP/2, actix-web goes on with the request of a sender that is gone.
on_every_adapter_over_http1! {
    a_sender_that_hangs_up_leaves_the_look_up_to_the_others
    a_sender_that_hangs_up_does_not_end_the_look_up
}

async fn many_deliveries_wait_for_one_look_up<A: Adapter>() {
    let gate = Gate::shut();
    let vault = Vault::with(&[("acme", &["a"])]).gated(&gate);
    let handler = Handler::answering(200);
    let server = serve::<A>(endpoint(by_path(&vault)), &handler).await;
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let request = request("acme", "a", number);
            tokio::spawn(async move { request.send(server).await.status })
        })
        .collect();
    eventually("a look-up", || vault.asked() > 0).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    gate.open();
    for status in waiting {
        assert_eq!(status.await.unwrap(), 200);
    }
    assert_eq!((vault.asked(), handler.runs()), (1, 20));
}

async fn look_ups_are_bounded<A: Adapter>() {
    let gate = Gate::shut();
    let vault = Vault::default().gated(&gate);
    let handler = Handler::answering(200);
    let server = serve::<A>(endpoint(by_path(&vault).concurrent(3)), &handler).await;
    let waiting: Vec<_> = (0..20)
        .map(|number| {
            let request = request(&format!("nobody-{number}"), "x", number);
            tokio::spawn(async move { request.send(server).await.status })
        })
        .collect();
    eventually("three look-ups", || vault.asked() == 3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    gate.open();
    for status in waiting {
        assert_eq!(status.await.unwrap(), 401);
    }
    assert_eq!((vault.asked(), vault.most_at_once.load(Ordering::SeqCst)), (20, 3));
}

async fn a_sender_that_hangs_up_leaves_the_look_up_to_the_others<A: Adapter>() {
    let gate = Gate::shut();
    let vault = Vault::with(&[("acme", &["a"])]).gated(&gate);
    let app = App::new([endpoint(by_path(&vault))], &Handler::answering(200));
    let at_work = app.at_work.clone();
    let server = A::serve(app).await;
    let mut first = Connection::open(server).await;
    first.write(&request("acme", "a", 1).bytes()).await;
    eventually("a look-up", || vault.asked() == 1).await;
    let second = request("acme", "a", 2);
    let second = tokio::spawn(async move { second.send(server).await.status });
    eventually("the second one is there", || at_work.count() == 2).await;
    first.reset();
    eventually("the first one is gone", || at_work.count() == 1).await;
    gate.open();
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(vault.asked(), 1);
}

/// Else a stranger could keep a secret in use that was taken away: by being the one who looks it up, each time.
async fn a_sender_that_hangs_up_does_not_end_the_look_up<A: Adapter>() {
    let gate = Gate::shut();
    let vault = Vault::with(&[("acme", &["a"])]).gated(&gate);
    let app = App::new([endpoint(by_path(&vault))], &Handler::answering(200));
    let at_work = app.at_work.clone();
    let server = A::serve(app).await;
    let mut only = Connection::open(server).await;
    only.write(&request("acme", "x", 1).bytes()).await;
    eventually("a look-up", || vault.asked() == 1).await;
    only.reset();
    eventually("the sender is gone", || at_work.count() == 0).await;
    gate.open();
    assert_eq!(request("acme", "a", 2).send(server).await.status, 200);
    assert_eq!(vault.asked(), 1, "its answer was not kept");
}

/// Those who wait must not get the look-up one after the other, each with too little time left for it.
async fn a_look_up_that_hung_does_not_hold_up_the_next_ones<A: Adapter>() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let resolver = move |_: String| {
        let nth = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            let time = Duration::from_millis(if nth == 0 { 600_000 } else { 150 });
            tokio::time::sleep(time).await;
            Ok::<_, ResolveError>(Some(TenantSecrets::new([Secret::new("a")?])))
        }
    };
    let (handler, timeout) = (Handler::answering(200), Duration::from_millis(500));
    let secrets = ResolvedSecrets::by_path("/t/{tenant}/hook", resolver);
    let server = serve::<A>(endpoint(secrets.timeout(timeout)), &handler).await;
    let accepted = Arc::new(AtomicBool::new(false));
    let (started, mut sent) = (Instant::now(), Vec::new());
    while !accepted.load(Ordering::SeqCst) {
        assert!(started.elapsed() < Duration::from_secs(20), "none is accepted");
        let request = request("acme", "a", sent.len() as u32);
        let accepted = Arc::clone(&accepted);
        sent.push(tokio::spawn(async move {
            let is_accepted = request.send(server).await.status == 200;
            accepted.fetch_or(is_accepted, Ordering::SeqCst);
        }));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Each of those that failed took its whole time, also on a machine that stood still.
    let most = started.elapsed().as_millis() / timeout.as_millis() + 1;
    assert!(asked.load(Ordering::SeqCst) as u128 <= most, "{asked:?} look-ups of {most}");
    for sent in sent {
        sent.await.unwrap();
    }
}
