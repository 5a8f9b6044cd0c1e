//! Every side on actix-web.

use std::hint::black_box;
use std::net::TcpListener;

use actix_web::dev::{HttpServiceFactory, ServiceResponse};
use actix_web::http::header::HeaderValue;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, test};
use countersign::providers::{hostwares, piora};
use countersign::{Delivery, FromDelivery, MemoryStore};
use countersign_actix::{Webhook, WebhookMiddleware};

use super::{BY_HAND, Framework, InProcess, OURS, path};
use crate::counting::Span;
use crate::headers::USUAL;
use crate::sent::{Scheme, Sent};
use crate::{BareMac, SECRET, by_hand};

type Middleware = WebhookMiddleware<MemoryStore>;

fn middlewares() -> Vec<(Scheme, Middleware)> {
    let one = |scheme: &Scheme| {
        let store = MemoryStore::builder().capacity(usize::MAX).build();
        (*scheme, WebhookMiddleware::new(scheme.endpoint(&[SECRET]), store))
    };
    Framework::Actix.schemes().iter().map(one).collect()
}

fn configure(config: &mut ServiceConfig, middlewares: &[(Scheme, Middleware)]) {
    config.app_data(Data::new(BareMac::new()));
    for (scheme, middleware) in middlewares {
        match scheme {
            Scheme::Piora => config.service(layered::<piora::Event>(*scheme, middleware)),
            Scheme::Hostwares => config.service(layered::<hostwares::Event>(*scheme, middleware)),
            _ => config.service(layered::<Delivery>(*scheme, middleware)),
        };
        config.service(written_by_hand(*scheme));
    }
    #[cfg(feature = "peers")]
    config.service(webhook_verify());
}

/// The whole way: the middleware with a store, and a handler that takes the event.
fn layered<T: FromDelivery + 'static>(
    scheme: Scheme,
    middleware: &Middleware,
) -> impl HttpServiceFactory + use<T> {
    async fn on<T: FromDelivery>(webhook: Webhook<T>) -> HttpResponse {
        black_box(&webhook.event);
        HttpResponse::NoContent().finish()
    }
    web::resource(path(scheme, OURS)).wrap(middleware.clone()).route(web::post().to(on::<T>))
}

fn written_by_hand(scheme: Scheme) -> impl HttpServiceFactory {
    let handler = move |mac: Data<BareMac>, request: HttpRequest, body: Bytes| async move {
        let shown = by_hand::head(scheme, &mac, |name| {
            request.headers().get(name).map(HeaderValue::as_bytes)
        });
        let Some(shown) = shown else {
            return HttpResponse::Unauthorized().finish();
        };
        if !shown.is_of(&body) {
            return HttpResponse::Unauthorized().finish();
        }
        if !by_hand::parse(scheme, &body) {
            return HttpResponse::BadRequest().finish();
        }
        HttpResponse::NoContent().finish()
    };
    web::resource(path(scheme, BY_HAND)).route(web::post().to(handler))
}

#[cfg(feature = "peers")]
fn webhook_verify() -> impl HttpServiceFactory {
    use webhook_verify::actix::{VerifiedBody, WebhookConfig};

    async fn on_event(body: VerifiedBody) -> HttpResponse {
        black_box(body.as_bytes());
        HttpResponse::NoContent().finish()
    }
    let secret = webhook_verify::Secret::new(SECRET);
    let config = WebhookConfig::new(webhook_verify::Provider::GitHub, secret);
    let resource = web::resource(path(Scheme::GitHub, "webhook-verify"));
    resource.app_data(config).route(web::post().to(on_event))
}

/// A worker for each processor, as it is without a setting.
pub fn serve(listener: TcpListener) {
    let middlewares = middlewares();
    let make = move || {
        let middlewares = middlewares.clone();
        App::new().configure(move |config| configure(config, &middlewares))
    };
    let server = HttpServer::new(make).workers(crate::machine::processors()).disable_signals();
    let server = server.listen(listener).expect("a socket").run();
    actix_web::rt::System::new().block_on(server).expect("it serves");
}

/// Gives a function that sends deliveries without a socket, one after the other. Making the requests is
/// not in what it says they took.
pub fn in_process(counts: bool) -> InProcess {
    let system = actix_web::rt::System::new();
    let middlewares = middlewares();
    let app = App::new().configure(move |config| configure(config, &middlewares));
    let app = system.block_on(test::init_service(app));
    Box::new(move |path, sent, status| {
        let request = |sent: &Sent| {
            let mut request = test::TestRequest::post().uri(path);
            for header in USUAL {
                request = request.insert_header(header);
            }
            request = request.insert_header(("content-length", sent.body.len()));
            for (name, value) in &sent.headers {
                request = request.insert_header((*name, value.as_str()));
            }
            request.set_payload(sent.body.clone()).to_request()
        };
        let requests: Vec<_> = sent.iter().map(request).collect();
        system.block_on(async {
            let span = Span::begin(counts);
            for request in requests {
                let response: ServiceResponse = test::call_service(&app, request).await;
                assert_eq!(response.status(), status, "{path}");
            }
            span.end()
        })
    })
}
