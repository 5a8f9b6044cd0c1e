//! P6: two different events are never merged.

use std::time::{Duration, SystemTime};

use crate::fixtures;
use crate::harness::{Adapter, App, Handler, on_every_adapter};

on_every_adapter! {
    two_accounts_of_one_provider_stay_apart
    pingaras_advice_is_not_followed
    events_without_an_id_differ_by_a_byte
    a_missing_id_does_not_merge_events
}

async fn two_accounts_of_one_provider_stay_apart<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let endpoints =
            ["europe", "america"].map(|name| fixture.endpoint_named(name).build().unwrap());
        let server = A::serve(App::new(endpoints, &handler)).await;
        let mut request = fixture.delivery(1001);
        for account in ["europe", "america"] {
            request.path = format!("/{account}");
            assert_eq!(request.send(server).await.status, 200);
            request.send(server).await.is_duplicate();
        }
        assert_eq!(handler.runs(), 2, "{}", fixture.name);
    }
}

/// Pingara's page advises `incident.id` and `event` as the key.
async fn pingaras_advice_is_not_followed<A: Adapter>() {
    let fixture = fixtures::all().swap_remove(4);
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let now = SystemTime::now();
    let updated = |time, status: &str| {
        let time = fixtures::rfc3339(time);
        fixture.signed(
            format!(r#"{{"event":"incident.updated","timestamp":"{time}","monitor":{{"id":"m"}},"incident":{{"id":"i","status":"{status}"}}}}"#),
            now,
        )
    };
    let expiring = |monitor: &str| {
        let time = fixtures::rfc3339(now);
        fixture.signed(
            format!(
                r#"{{"event":"ssl.expiring","timestamp":"{time}","monitor":{{"id":"{monitor}"}}}}"#
            ),
            now,
        )
    };
    let events = [
        updated(now, "identified"),
        updated(now - Duration::from_secs(60), "identified"),
        updated(now, "monitoring"),
        expiring("m1"),
        expiring("m2"),
    ];
    for event in &events {
        assert_eq!(event.send(server).await.status, 200);
    }
    assert_eq!(handler.runs(), events.len());
    for event in &events {
        event.send(server).await.is_duplicate();
    }
    assert_eq!(handler.runs(), events.len());
}

async fn events_without_an_id_differ_by_a_byte<A: Adapter>() {
    for fixture in
        fixtures::all().into_iter().filter(|fixture| fixture.provider.name() != "hostwares")
    {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let now = SystemTime::now();
        for number in 1..=9 {
            assert_eq!(fixture.delivery_at(number, now).send(server).await.status, 200);
        }
        assert_eq!(handler.runs(), 9, "{}", fixture.name);
    }
}

async fn a_missing_id_does_not_merge_events<A: Adapter>() {
    let fixture = fixtures::hostwares();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let time = fixtures::rfc3339(SystemTime::now());
    let mut sent = 0;
    for id in ["", r#""id":null,"#, r#""id":"","#, r#""id":1.5,"#, r#""id":{},"#] {
        for site in ["a", "b"] {
            let body = format!(
                r#"{{{id}"event":"ping","timestamp":"{time}","data":{{"site_id":"{site}"}}}}"#
            );
            let request = fixture.signed(body, SystemTime::now());
            assert_eq!(request.send(server).await.status, 200);
            request.send(server).await.is_duplicate();
            sent += 1;
        }
    }
    assert_eq!(handler.runs(), sent);
}
