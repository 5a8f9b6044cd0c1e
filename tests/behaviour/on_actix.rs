//! actix-web as an adapter under test.

use actix_web::HttpResponse;
use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use countersign_actix::{Webhook, WebhookMiddleware};
use tracing::dispatcher;

use crate::client::Server;
use crate::harness::{Adapter, App, Handler};

pub struct Actix<const HTTP2: bool>;

impl<const HTTP2: bool> Adapter for Actix<HTTP2> {
    async fn serve(app: App) -> Server {
        let configure = configure(&app);
        let make = move || actix_web::App::new().configure(configure.clone());
        Server { http2: HTTP2, ..serve!(make).0 }
    }
}

/// Serves an application on a free port, on two workers; gives the server and its handle.
macro_rules! serve {
    ($make:expr) => {{
        let make = $make;
        $crate::on_actix::started(|listener, on_start| {
            actix_web::HttpServer::new(move || {
                on_start();
                make()
            })
            .workers(2)
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

/// The application's resources.
pub fn configure(app: &App) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let resources: Vec<_> = app
        .endpoints
        .iter()
        .map(|endpoint| {
            let mut middleware = WebhookMiddleware::from_receiver(app.receiver(endpoint));
            if app.cancel_on_disconnect {
                middleware = middleware.cancel_on_disconnect();
            }
            (format!("/{}", endpoint.name()), middleware)
        })
        .collect();
    let handler = app.handler.clone();
    move |config| {
        config.app_data(Data::new(handler.clone()));
        for (path, middleware) in resources.clone() {
            let resource = web::resource(path).wrap(middleware);
            config.service(resource.route(web::post().to(handle)));
        }
    }
}

/// The application's handler.
pub async fn handle(handler: Data<Handler>, webhook: Webhook, body: Bytes) -> HttpResponse {
    let status = handler.run(webhook.delivery, body).await;
    HttpResponse::new(StatusCode::from_u16(status).unwrap())
}
