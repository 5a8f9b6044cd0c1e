//! Bodies that are no JSON object, over HTTP: what handlers get of forms and arrays.

use std::time::SystemTime;

use countersign::testing::Signer;
use countersign::{Endpoint, Provider, Signature, catalogue};
use tracing::level_filters::LevelFilter;

use crate::client::{Reply, Request, Server};
use crate::fixtures::secret;
use crate::harness::{Adapter, App, Handler, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    a_webhook_of_githubs_is_the_same_event_in_both_content_types
    a_command_of_slacks_is_a_form
    an_array_is_a_list_of_events
    another_content_type_makes_no_other_event
    a_field_that_matters_twice_is_refused
    a_handler_of_bytes_gets_the_form_as_it_was_sent
}

const FORM: &str = "application/x-www-form-urlencoded";
/// `{"action":"opened","issue":{"number":7}}`
const FIELD: &str =
    "payload=%7B%22action%22%3A%22opened%22%2C%22issue%22%3A%7B%22number%22%3A7%7D%7D";

fn preset(id: &str) -> Provider {
    catalogue::by_id(id).unwrap().provider()
}

fn endpoint(provider: &Provider) -> Endpoint {
    Endpoint::builder(provider.name(), provider.clone()).secret(secret()).build().unwrap()
}

/// A genuine and fresh delivery.
fn delivery(provider: &Provider, content_type: &str, body: &str) -> Request {
    let key = secret();
    let headers = Signer::new(provider, &key).at(SystemTime::now()).sign(body);
    Request::post(provider.name(), headers, body).header("content-type", content_type)
}

/// The answer of the route to a genuine delivery.
async fn answer<A: Adapter>(provider: &Provider, path: &str, kind: &str, body: &str) -> Reply {
    let server = A::serve_extractors(endpoint(provider)).await;
    delivery(provider, kind, body).to(path).send(server).await
}

async fn a_webhook_of_githubs_is_the_same_event_in_both_content_types<A: Adapter>() {
    let json = r#"{"action":"opened","issue":{"number":7}}"#;
    for (kind, body) in [("application/json", json), (FORM, FIELD)] {
        let reply = answer::<A>(&preset("github"), "/typed", kind, body).await;
        let said = (reply.status, &*reply.body);
        assert_eq!(said, (200, r#"Some("opened") Some(7) None None None"#), "{kind}");
    }
    // What is wrong with it is said of the field, in the log alone.
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let reply = answer::<A>(&preset("github"), "/misfit", FORM, FIELD).await;
    reply.is_rejection(400, "event_mismatch");
    let said = "the JSON in the form field `payload`: missing field `no_such_field`";
    assert!(logs.text().contains(said), "{}", logs.text());
}

async fn a_command_of_slacks_is_a_form<A: Adapter>() {
    let body = "command=%2Fweather&text=caf%C3%A9+%26+co&team_id=T1&trigger_id=1.2&count=3";
    let reply = answer::<A>(&preset("slack"), "/typed", FORM, body).await;
    let said = r#"None None Some("/weather") Some("café & co") Some(3)"#;
    assert_eq!((reply.status, &*reply.body), (200, said));
}

async fn an_array_is_a_list_of_events<A: Adapter>() {
    let acme = Provider::builder("acme").hmac_sha256(Signature::header("X-Acme-Signature"));
    let acme = acme.json_array().optional_event_type("0.event").event_id("0.id").build().unwrap();
    let body = r#"[{"id":1,"event":"opened"},{"id":2}]"#;
    let reply = answer::<A>(&acme, "/items", "application/json", body).await;
    assert_eq!((reply.status, &*reply.body), (200, "[1, 2]"));
}

async fn send<A: Adapter>(provider: &Provider) -> (Server, Handler) {
    let handler = Handler::answering(200);
    (A::serve(App::new([endpoint(provider)], &handler)).await, handler)
}

/// Nobody signs the `Content-Type`.
async fn another_content_type_makes_no_other_event<A: Adapter>() {
    let command = "command=%2Fpay&payload_=1&trigger_id=1";
    for (id, body) in
        [("github", FIELD), ("slack", FIELD), ("slack", command), ("line", r#"{"events":[]}"#)]
    {
        let provider = preset(id);
        let (server, handler) = send::<A>(&provider).await;
        let request = delivery(&provider, FORM, body);
        assert_eq!(request.send(server).await.status, 200);
        for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x", "x"] {
            let again = request.clone().without("content-type").header("content-type", kind);
            again.send(server).await.is_duplicate();
        }
        request.without("content-type").send(server).await.is_duplicate();
        assert_eq!(handler.runs(), 1, "{id}");
    }
}

async fn a_field_that_matters_twice_is_refused<A: Adapter>() {
    for id in ["github", "slack"] {
        let provider = preset(id);
        let (server, handler) = send::<A>(&provider).await;
        let request = delivery(&provider, FORM, &format!("{FIELD}&p%61yload=%7B%7D"));
        request.send(server).await.is_rejection(400, "body_malformed");
        assert_eq!(handler.runs(), 0);
    }
}

async fn a_handler_of_bytes_gets_the_form_as_it_was_sent<A: Adapter>() {
    let github = preset("github");
    let (server, handler) = send::<A>(&github).await;
    assert_eq!(delivery(&github, FORM, FIELD).send(server).await.status, 200);
    let (delivery, body) = handler.seen().swap_remove(0);
    assert_eq!((&body[..], &delivery.body()[..]), (FIELD.as_bytes(), FIELD.as_bytes()));
}
