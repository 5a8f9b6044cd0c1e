//! actix-web as an adapter under test.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::dev::{ServerHandle, Service as _};
use actix_web::http::StatusCode;
use actix_web::middleware::Condition;
use actix_web::web::{self, Bytes, Data, Json, ServiceConfig, post};
use countersign::providers::{hostwares, piora};
use countersign::{DynStore, Endpoint, MemoryStore};
use countersign_actix::{Webhook, WebhookMiddleware, WebhookRejection};
use tracing::dispatcher;

use crate::client::Server;
use crate::extractor::{self, Item, Misfit, Own, Typed};
use crate::harness::{Adapter, App, Handler, Shape};

pub struct Actix<const HTTP2: bool>;

impl<const HTTP2: bool> Adapter for Actix<HTTP2> {
    const ADD: &'static str =
        "add `.wrap(WebhookMiddleware::new(endpoint, store))` to the resource";
    const REMOVE: &'static str = "remove `.wrap(WebhookMiddleware…)` from the scope or the app";

    async fn serve(app: App) -> Server {
        let configure = configure(&app);
        let wrapped = matches!(app.shape, Shape::Twice | Shape::Around);
        let around = middleware(&app, &app.endpoints[0]);
        let make = move || {
            let (around, at_work) = (Condition::new(wrapped, around.clone()), app.at_work.clone());
            actix_web::App::new().configure(configure.clone()).wrap(around).wrap_fn(
                move |request, service| {
                    let (entered, call) = (at_work.enter(), service.call(request));
                    async move {
                        let response = call.await;
                        drop(entered);
                        response
                    }
                },
            )
        };
        Server { http2: HTTP2, ..serve!(make).0 }
    }

    async fn serve_extractors(endpoint: Endpoint) -> Server {
        let middleware = WebhookMiddleware::new(endpoint, MemoryStore::new());
        let make = move || actix_web::App::new().configure(extractors(&middleware));
        Server { http2: HTTP2, ..serve!(make).0 }
    }
}

/// Serves an application on a free port, on two workers unless told otherwise; gives the server
/// and its handle.
macro_rules! serve {
    ($make:expr) => {
        $crate::on_actix::serve!($make, 2)
    };
    ($make:expr, $workers:expr) => {{
        let make = $make;
        $crate::on_actix::started(|listener, on_start| {
            actix_web::HttpServer::new(move || {
                on_start();
                make()
            })
            .workers($workers)
            .disable_signals()
            .listen_auto_h2c(listener)
            .unwrap()
            .run()
        })
    }};
}
pub(crate) use serve;

/// Binds, starts, and says where.
pub fn started(
    start: impl FnOnce(std::net::TcpListener, OnStart) -> actix_web::dev::Server,
) -> (Server, ServerHandle) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Workers are threads of their own: what they log belongs to the test that started them.
    let log = dispatcher::get_default(Clone::clone);
    let server = start(
        listener,
        Box::leak(Box::new(move || std::mem::forget(dispatcher::set_default(&log)))),
    );
    let handle = server.handle();
    tokio::spawn(server);
    (address.into(), handle)
}

/// What a worker does when it starts.
pub type OnStart = &'static (dyn Fn() + Send + Sync);

/// The application's middleware for one of its endpoints.
pub fn middleware(app: &App, endpoint: &Endpoint) -> WebhookMiddleware<Arc<dyn DynStore>> {
    let mut middleware = WebhookMiddleware::from_receiver(app.receiver(endpoint)).tasks(&app.tasks);
    if app.cancel_on_disconnect {
        middleware = middleware.cancel_on_disconnect();
    }
    let Some(make) = app.error_handler else { return middleware };
    middleware.error_handler(move |rejection| {
        let own = make(rejection);
        let mut response = HttpResponse::build(StatusCode::from_u16(own.status).unwrap());
        for header in own.headers {
            response.insert_header(header);
        }
        response.body(own.body)
    })
}

/// The application's resources.
pub fn configure(app: &App) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let resources: Vec<_> = app
        .endpoints
        .iter()
        .map(|endpoint| (format!("/{}", endpoint.name()), middleware(app, endpoint)))
        .collect();
    let (handler, shape) = (app.handler.clone(), app.shape);
    move |config| {
        config.app_data(Data::new(handler.clone()));
        for (path, middleware) in resources.clone() {
            let resource = web::resource(path);
            match shape {
                Shape::Routes | Shape::WithHandshakes | Shape::Twice => {
                    config.service(resource.route(post().to(handle)).wrap(middleware));
                }
                Shape::AllMethods => {
                    config.service(resource.to(handle).wrap(middleware));
                }
                Shape::Around => {
                    config
                        .service(resource.route(post().to(handle)))
                        .route("/bytes", post().to(nothing::<Bytes>))
                        .route("/misfit", post().to(misfit))
                        .service(web::resource("/empty").to(HttpResponse::Ok));
                }
            }
        }
    }
}

/// The application's handler.
pub async fn handle(handler: Data<Handler>, webhook: Webhook, body: Bytes) -> HttpResponse {
    let status = handler.run(webhook.delivery, body).await;
    HttpResponse::new(StatusCode::from_u16(status).unwrap())
}

/// A resource for each way to take a delivery.
fn extractors(
    middleware: &WebhookMiddleware<MemoryStore>,
) -> impl Fn(&mut ServiceConfig) + 'static {
    let middleware = middleware.clone();
    move |config| {
        let guarded = |path| web::resource(path).wrap(middleware.clone());
        config
            .service(guarded("/event").route(post().to(event)))
            .service(guarded("/own").route(post().to(own)))
            .service(guarded("/raw").route(post().to(raw)))
            .service(guarded("/typed").route(post().to(typed)))
            .service(guarded("/items").route(post().to(items)))
            .service(guarded("/foreign").route(post().to(nothing::<Webhook<hostwares::Event>>)))
            .service(guarded("/misfit").route(post().to(nothing::<Webhook<Misfit>>)))
            .service(guarded("/result").route(post().to(result)))
            .route("/unguarded", post().to(nothing::<Webhook>));
    }
}

async fn event(webhook: Webhook<piora::Event>) -> String {
    extractor::event(webhook.event)
}

async fn own(
    Webhook { event, delivery, .. }: Webhook<Own>,
    json: Json<serde_json::Value>,
) -> String {
    extractor::own(event, &delivery, &json)
}

async fn typed(webhook: Webhook<Typed>) -> String {
    extractor::typed(&webhook.event)
}

async fn items(webhook: Webhook<Vec<Item>>) -> String {
    extractor::items(&webhook.event)
}

async fn raw(webhook: Webhook) -> String {
    extractor::raw(&webhook.event)
}

async fn misfit(_: Result<Webhook<Misfit>, WebhookRejection>) -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn nothing<T>(_: T) -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn result(webhook: Result<Webhook<Misfit>, WebhookRejection>) -> HttpResponse {
    HttpResponse::ImATeapot().body(extractor::refused(webhook.unwrap_err().error()))
}
