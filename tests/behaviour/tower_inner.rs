//! Inner services that are called for one request after another: to each request they must be as good
//! as a clone that was never called.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign::{Delivery, MemoryStore};
use countersign_tower::{ProvenBody, WebhookLayer, WebhookService};
use http::Response;
use http_body_util::Full;
use tower::limit::ConcurrencyLimit;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::fixtures::{self, Fixture};
use crate::harness::{Gate, eventually};
use crate::tower_stack::as_http;

type Inner = http::Request<ProvenBody>;

/// A service whose clones are made anew: they have no state in common.
struct Anew<M, I> {
    make: M,
    service: I,
}

impl<M: Fn() -> I, I> Anew<M, I> {
    fn new(make: M) -> Self {
        Self { service: make(), make }
    }
}

impl<M: Fn() -> I + Clone, I> Clone for Anew<M, I> {
    fn clone(&self) -> Self {
        Self::new(self.make.clone())
    }
}

impl<M, I: Service<Inner>> Service<Inner> for Anew<M, I> {
    type Response = I::Response;
    type Error = I::Error;
    type Future = I::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), I::Error>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: Inner) -> Self::Future {
        self.service.call(request)
    }
}

fn behind_the_layer<I>(fixture: &Fixture, inner: I) -> WebhookService<I, MemoryStore> {
    WebhookLayer::new(fixture.endpoint().build().unwrap(), MemoryStore::new()).layer(inner)
}

/// Sends a delivery as servers do, through a clone of the service.
async fn deliver<I>(
    service: &WebhookService<I, MemoryStore>,
    fixture: &Fixture,
    number: u32,
) -> http::StatusCode
where
    I: Service<Inner, Response = Response<Full<Bytes>>> + Clone + Send + 'static,
    I::Future: Send,
    I::Error: Debug + Send + 'static,
{
    let answer = service.clone().oneshot(as_http(&fixture.delivery(number)));
    let answer = tokio::time::timeout(Duration::from_secs(5), answer).await;
    answer.expect("no inner service is ready").unwrap().status()
}

fn take(request: &Inner) -> Response<Full<Bytes>> {
    request.extensions().get::<Delivery>().unwrap().mark_taken();
    Response::default()
}

/// Each clone handles one request at a time, and is not ready meanwhile.
#[tokio::test]
async fn a_request_does_not_wait_for_anothers_handler() {
    let (gate, calls) = (Gate::shut(), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (gate, calls) = (gate.clone(), Arc::clone(&calls));
        move |request: Inner| {
            let (gate, call) = (gate.clone(), calls.fetch_add(1, Ordering::SeqCst));
            async move {
                if call == 1 {
                    gate.pass().await;
                }
                Ok::<_, Infallible>(take(&request))
            }
        }
    };
    let inner = Anew::new(move || ConcurrencyLimit::new(service_fn(handler.clone()), 1));
    let fixture = fixtures::piora();
    let service = behind_the_layer(&fixture, inner);
    assert_eq!(deliver(&service, &fixture, 1).await, 200);
    let slow = {
        let (service, request) = (service.clone(), as_http(&fixture.delivery(2)));
        tokio::spawn(async move { service.oneshot(request).await.unwrap().status() })
    };
    eventually("the second runs", || calls.load(Ordering::SeqCst) == 2).await;
    assert_eq!(deliver(&service, &fixture, 3).await, 200);
    assert!(!slow.is_finished());
    gate.open();
    assert_eq!(slow.await.unwrap(), 200);
}

/// A service that says it will never be ready again is to be thrown away.
#[derive(Default)]
struct Once(bool);

impl Service<Inner> for Once {
    type Response = Response<Full<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(if self.0 { Err("its connection is closed") } else { Ok(()) })
    }

    fn call(&mut self, request: Inner) -> Self::Future {
        self.0 = true;
        std::future::ready(Ok(take(&request)))
    }
}

#[tokio::test]
async fn a_service_that_has_failed_is_not_called_again() {
    let fixture = fixtures::piora();
    let service = behind_the_layer(&fixture, Anew::new(Once::default));
    for number in 1..=3 {
        assert_eq!(deliver(&service, &fixture, number).await, 200);
    }
}
