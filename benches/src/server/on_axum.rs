//! Every side on axum.

use std::hint::black_box;
use std::net::TcpListener;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::routing::post;
use bytes::Bytes;
use countersign::providers::{hostwares, piora};
use countersign::{FromDelivery, MemoryStore};
use countersign_tower::{Webhook, WebhookLayer};
use http::{HeaderValue, StatusCode};
use tower::ServiceExt;

use super::{BY_HAND, Framework, InProcess, OURS, path};
use crate::counting::Span;
use crate::sent::{Scheme, Sent};
use crate::{BareMac, SECRET, by_hand};

pub fn app() -> Router {
    let app = Framework::Axum.schemes().iter().fold(Router::new(), |app, scheme| {
        app.merge(layered(*scheme)).merge(written_by_hand(*scheme))
    });
    #[cfg(feature = "peers")]
    let app = app.merge(octoevents()).merge(axum_standardwebhooks());
    app
}

/// The whole way: the layer with a store, and a handler that takes the event.
fn layered(scheme: Scheme) -> Router {
    async fn on<T: FromDelivery>(webhook: Webhook<T>) -> StatusCode {
        black_box(&webhook.event);
        StatusCode::NO_CONTENT
    }
    let store = MemoryStore::builder().capacity(usize::MAX).build();
    let layer = WebhookLayer::new(scheme.endpoint(&[SECRET]), store);
    let handler = match scheme {
        Scheme::Piora => post(on::<piora::Event>),
        Scheme::Hostwares => post(on::<hostwares::Event>),
        _ => post(on::<countersign::Delivery>),
    };
    Router::new().route(&path(scheme, OURS), handler.route_layer(layer))
}

fn written_by_hand(scheme: Scheme) -> Router {
    let mac = BareMac::new();
    let handler = move |request: Request| {
        let mac = mac.clone();
        async move {
            let shown = by_hand::head(scheme, &mac, |name| {
                request.headers().get(name).map(HeaderValue::as_bytes)
            });
            let Some(shown) = shown else {
                return StatusCode::UNAUTHORIZED;
            };
            let Ok(body) = Bytes::from_request(request, &()).await else {
                return StatusCode::BAD_REQUEST;
            };
            if !shown.is_of(&body) {
                return StatusCode::UNAUTHORIZED;
            }
            if !by_hand::parse(scheme, &body) {
                return StatusCode::BAD_REQUEST;
            }
            StatusCode::NO_CONTENT
        }
    };
    Router::new().route(&path(scheme, BY_HAND), post(handler))
}

#[cfg(feature = "peers")]
fn octoevents() -> Router {
    async fn on_event(event: octoevents::Envelope) -> Result<(), octoevents::BoxError> {
        black_box(&event);
        Ok(())
    }
    let verifier = octoevents::Verifier::new(octoevents::WebhookSecret::new(SECRET));
    let receiver = octoevents::WebhookReceiverBuilder::new(verifier).build(on_event);
    let route = axum::routing::post_service(receiver);
    Router::new().route(&path(Scheme::GitHub, "octoevents"), route)
}

#[cfg(feature = "peers")]
fn axum_standardwebhooks() -> Router {
    use axum_standardwebhooks::{SharedWebhook, StandardWebhook, Webhook};

    async fn on_event(StandardWebhook(body): StandardWebhook<Bytes>) -> StatusCode {
        black_box(&body);
        StatusCode::NO_CONTENT
    }
    let scheme = Scheme::StandardWebhooks;
    let webhook = Webhook::new(&scheme.secret(SECRET)).expect("a secret");
    let path = path(scheme, "axum-standardwebhooks");
    Router::new().route(&path, post(on_event)).with_state(SharedWebhook::new(webhook))
}

/// As `#[tokio::main]` makes it: a worker for each processor.
pub fn serve(listener: TcpListener) {
    listener.set_nonblocking(true).expect("a socket");
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        axum::serve(listener, app()).await.expect("it serves");
    });
}

/// Gives a function that sends deliveries without a socket, one after the other. Making the requests is
/// not in what it says they took.
pub fn in_process(counts: bool) -> InProcess {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let (runtime, app) = (runtime.enable_all().build().expect("a runtime"), app());
    Box::new(move |path, sent, status| {
        let request = |sent: &Sent| {
            let body = Body::from(sent.body.clone());
            let mut request = http::Request::post(path).body(body).expect("sound");
            *request.headers_mut() = sent.header_map();
            request
        };
        let requests: Vec<_> = sent.iter().map(request).collect();
        runtime.block_on(async {
            let span = Span::begin(counts);
            for request in requests {
                let Ok(response) = app.clone().oneshot(request).await;
                assert_eq!(response.status(), status, "{path}");
            }
            span.end()
        })
    })
}
