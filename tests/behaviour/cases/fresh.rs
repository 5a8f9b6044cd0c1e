//! P2: no handler runs for a delivery outside its window.

use std::time::{Duration, SystemTime};

use countersign::{ManualClock, Window};

use crate::client::Connection;
use crate::fixtures;
use crate::harness::{Adapter, App, Handler, on_every_adapter};

on_every_adapter! {
    the_last_retry_of_each_schedule_is_handled
    a_capture_of_2024_is_refused
    a_delivery_from_the_future_is_refused
    an_unsigned_time_proves_nothing
    a_signed_time_cannot_be_moved
    a_malformed_time_is_refused
    a_missing_time_is_refused
    the_window_is_the_endpoints
    a_body_that_takes_its_time_does_not_outlive_the_window
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

async fn the_last_retry_of_each_schedule_is_handled<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let happened = SystemTime::now();
        let clock = ManualClock::at(happened + fixture.last_retry() + Duration::from_secs(60));
        let endpoint = fixture.endpoint().clock(clock.clone()).build().unwrap();
        let server = A::serve(App::new([endpoint], &handler)).await;
        let request = fixture.delivery_at(1, happened);
        assert_eq!(request.send(server).await.status, 200, "{}", fixture.name);
        let (delivery, _) = handler.seen().remove(0);
        if fixture.name != "percher" {
            assert_eq!(delivery.retries_left(), Some(0), "{}", fixture.name);
        }
        clock.advance(hours(24));
        fixture.delivery_at(2, happened).send(server).await.is_rejection(401, "timestamp_stale");
        assert_eq!(handler.runs(), 1);
    }
}

async fn a_capture_of_2024_is_refused<A: Adapter>() {
    let captured = SystemTime::UNIX_EPOCH + Duration::from_secs(1_705_314_600);
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery_at(1, captured);
        request.send(server).await.is_rejection(401, "timestamp_stale");
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_delivery_from_the_future_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = fixture.delivery_at(1, SystemTime::now() + hours(1));
        request.send(server).await.is_rejection(401, "timestamp_in_the_future");
        assert_eq!(handler.runs(), 0);
    }
}

/// Hostwares' header time is not under the MAC: it makes nothing fresh and nothing stale, and a
/// retry that carries another one is the same event.
async fn an_unsigned_time_proves_nothing<A: Adapter>() {
    let fixture = fixtures::hostwares();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let (now, old) = (SystemTime::now(), SystemTime::now() - hours(48));
    let header = "x-hostwares-timestamp";
    let now_text = now.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().to_string();

    let refreshed = fixture.delivery_at(1, old).with_value(header, |_| now_text.into_bytes());
    refreshed.send(server).await.is_rejection(401, "timestamp_stale");
    let aged = fixture.delivery_at(2, now).with_value(header, |_| b"1500000000".to_vec());
    assert_eq!(aged.send(server).await.status, 200);
    let retried = aged.with_value(header, |_| b"1500000060".to_vec());
    retried.send(server).await.is_duplicate();
    assert_eq!(handler.runs(), 1);
    for malformed in ["", "yesterday", "-5", "99999999999999999999999"] {
        let request = fixture.delivery(3).with_value(header, |_| malformed.into());
        request.send(server).await.is_rejection(400, "timestamp_malformed");
    }
}

async fn a_signed_time_cannot_be_moved<A: Adapter>() {
    let fixture = fixtures::percher();
    let handler = Handler::answering(200);
    let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
    let (now, old) = (SystemTime::now(), SystemTime::now() - hours(1));
    let header = "x-percher-timestamp";
    let fresh = fixture.delivery_at(1, now);
    let time = fresh.headers.iter().find(|(name, _)| name == header).unwrap().1.clone();
    let refreshed = fixture.delivery_at(1, old).with_value(header, |_| time);
    refreshed.send(server).await.is_rejection(401, "signature_mismatch");
    assert_eq!(handler.runs(), 0);
    assert_eq!(fresh.send(server).await.status, 200);
}

async fn a_malformed_time_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = if fixture.name == "percher" {
            fixture.delivery(1).with_value("x-percher-timestamp", |_| b"+1716477000".to_vec())
        } else {
            let body =
                fixture.body(1, SystemTime::UNIX_EPOCH).replace("1970-01-01T00:00:00Z", "noon");
            fixture.signed(body, SystemTime::now())
        };
        request.send(server).await.is_rejection(400, "timestamp_malformed");
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_missing_time_is_refused<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let server = A::serve(App::new([fixture.endpoint().build().unwrap()], &handler)).await;
        let request = if fixture.name == "percher" {
            fixture.delivery(1).without("x-percher-timestamp")
        } else {
            fixture.signed(r#"{"event":"x.y","id":"1"}"#, SystemTime::now())
        };
        request.send(server).await.is_rejection(401, "timestamp_missing");
        assert_eq!(handler.runs(), 0);
    }
}

async fn the_window_is_the_endpoints<A: Adapter>() {
    let fixture = fixtures::percher();
    let handler = Handler::answering(200);
    let window = Window::new(Duration::from_secs(10), Duration::from_secs(1));
    let happened = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let clock = ManualClock::at(happened + Duration::from_secs(10));
    let endpoint = fixture.endpoint().window(window).clock(clock.clone()).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler)).await;
    assert_eq!(fixture.delivery_at(1, happened).send(server).await.status, 200);
    clock.advance(Duration::from_millis(1));
    fixture.delivery_at(2, happened).send(server).await.is_rejection(401, "timestamp_stale");
    clock.set(happened - Duration::from_millis(1001));
    let early = fixture.delivery_at(3, happened);
    early.send(server).await.is_rejection(401, "timestamp_in_the_future");
}

/// A header time is judged before the body comes, and again when it is there.
async fn a_body_that_takes_its_time_does_not_outlive_the_window<A: Adapter>() {
    let fixture = fixtures::percher();
    let handler = Handler::answering(200);
    let happened = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let clock = ManualClock::at(happened + Duration::from_secs(299));
    let endpoint = fixture.endpoint().clock(clock.clone()).build().unwrap();
    let app = App::new([endpoint], &handler);
    let server = A::serve(app).await;
    let bytes = fixture.delivery_at(1, happened).bytes();
    let (most, last) = bytes.split_at(bytes.len() - 1);
    let mut connection = Connection::open(server).await;
    connection.write(most).await;
    // The head is judged when its bytes have crossed the socket.
    tokio::time::sleep(Duration::from_millis(100)).await;
    clock.advance(Duration::from_secs(2));
    connection.write(last).await;
    connection.reply().await.is_rejection(401, "timestamp_stale");
    assert_eq!(handler.runs(), 0);
}
