//! What the extractors give to a handler, and which errors they answer with.

use countersign::providers::piora;
use countersign::{Delivery, EventError};
use serde::Deserialize;
use tracing::level_filters::LevelFilter;

use crate::client::{Reply, Request};
use crate::fixtures;
use crate::harness::{Adapter, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    a_built_in_event
    a_type_of_ones_own_and_other_extractors_after_it
    the_raw_delivery
    without_the_middleware_it_says_what_to_add
    another_providers_event_is_a_mistake_of_ours
    a_body_that_does_not_fit_the_type_comes_in_again
    a_user_may_answer_what_cannot_be_extracted
    where_a_4xx_is_final_a_misfit_is_a_500
}

/// A type that Piora's deliveries fit.
#[derive(Deserialize)]
pub struct Own {
    event: String,
}

/// A type that no delivery fits.
#[derive(Debug, Deserialize)]
pub struct Misfit {
    #[expect(dead_code, reason = "its absence is the point")]
    no_such_field: String,
}

/// An event of GitHub's, and a command of Slack's: what a delivery has of it.
#[derive(Debug, Deserialize)]
pub struct Typed {
    action: Option<String>,
    issue: Option<Issue>,
    command: Option<String>,
    text: Option<String>,
    count: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
}

/// An event among several of SendGrid's or HubSpot's.
#[derive(Debug, Deserialize)]
pub struct Item {
    id: u64,
}

/// What the handler of `/typed` answers.
pub fn typed(event: &Typed) -> String {
    let Typed { action, issue, command, text, count } = event;
    let number = issue.as_ref().map(|issue| issue.number);
    format!("{action:?} {number:?} {command:?} {text:?} {count:?}")
}

/// What the handler of `/items` answers.
pub fn items(events: &[Item]) -> String {
    let ids: Vec<_> = events.iter().map(|item| item.id).collect();
    format!("{ids:?}")
}

/// What the handler of `/event` answers.
pub fn event(event: piora::Event) -> String {
    let deployment = event.data.unwrap_or_default().deployment.unwrap_or_default();
    format!("{} {}", event.event_type, deployment.id.unwrap_or_default())
}

/// What the handler of `/own` answers.
pub fn own(event: Own, delivery: &Delivery, json: &serde_json::Value) -> String {
    assert_eq!(serde_json::from_slice::<serde_json::Value>(delivery.body()).unwrap(), *json);
    event.event
}

/// What the handler of `/raw` answers.
pub fn raw(delivery: &Delivery) -> String {
    assert!(delivery.age().unwrap().as_secs() < 60);
    assert_eq!(delivery.retries_left(), Some(5));
    delivery.key().to_string()
}

/// What the handler of `/result` answers, with 418.
pub fn refused(error: &EventError) -> String {
    format!("my own words: {}", error.status())
}

/// A genuine Piora delivery, to a route of the adapter's.
fn delivery(number: u32, path: &str) -> Request {
    Request { path: path.to_owned(), ..fixtures::piora().delivery(number) }
}

/// The answer to a genuine Piora delivery.
async fn answer<A: Adapter>(path: &str) -> Reply {
    let server = A::serve_extractors(fixtures::piora().endpoint().build().unwrap()).await;
    delivery(7, path).header("content-type", "application/json").send(server).await
}

async fn a_built_in_event<A: Adapter>() {
    let reply = answer::<A>("/event").await;
    assert_eq!((reply.status, &*reply.body), (200, "deployment.failed d7"));
}

async fn a_type_of_ones_own_and_other_extractors_after_it<A: Adapter>() {
    let reply = answer::<A>("/own").await;
    assert_eq!((reply.status, &*reply.body), (200, "deployment.failed"));
}

async fn the_raw_delivery<A: Adapter>() {
    let reply = answer::<A>("/raw").await;
    assert_eq!((reply.status, reply.body.len()), (200, 32));
}

async fn without_the_middleware_it_says_what_to_add<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    answer::<A>("/unguarded").await.is_rejection(500, "misconfigured");
    assert!(logs.text().contains(A::ADD), "{}", logs.text());
    assert!(logs.text().contains("/unguarded"), "{}", logs.text());
}

async fn another_providers_event_is_a_mistake_of_ours<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    answer::<A>("/foreign").await.is_rejection(500, "misconfigured");
    assert!(logs.text().contains("takes events of `hostwares`"), "{}", logs.text());
}

async fn a_body_that_does_not_fit_the_type_comes_in_again<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let server = A::serve_extractors(fixtures::piora().endpoint().build().unwrap()).await;
    let request = delivery(1, "/misfit");
    for _ in 0..2 {
        request.send(server).await.is_rejection(400, "event_mismatch");
    }
    assert!(logs.text().contains("missing field `no_such_field`"), "{}", logs.text());
}

async fn a_user_may_answer_what_cannot_be_extracted<A: Adapter>() {
    let reply = answer::<A>("/result").await;
    assert_eq!((reply.status, &*reply.body), (418, "my own words: 400"));
}

/// Pakyas gives up after a 4xx, and a mistake in a type is to be mended.
async fn where_a_4xx_is_final_a_misfit_is_a_500<A: Adapter>() {
    let fixture = fixtures::all().swap_remove(3);
    let server = A::serve_extractors(fixture.endpoint().build().unwrap()).await;
    let request = Request { path: "/misfit".to_owned(), ..fixture.delivery(1) };
    request.send(server).await.is_rejection(500, "event_mismatch");
}
