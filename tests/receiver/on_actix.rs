//! The receiver on actix-web.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use countersign::providers::hostwares;
use countersign::{DynStore, Receiver};
use countersign_actix::{Webhook, WebhookMiddleware};

use crate::Anything;
use crate::effects::Effects;

pub(crate) async fn serve(
    listener: TcpListener,
    receiver: Receiver<Arc<dyn DynStore>>,
    effects: Effects,
    in_transaction: bool,
) -> Result<(), Anything> {
    let webhooks = WebhookMiddleware::from_receiver(receiver);
    let state = Data::new((effects, in_transaction));
    let server = HttpServer::new(move || {
        let resource = web::resource("/hostwares").wrap(webhooks.clone());
        App::new().app_data(state.clone()).service(resource.route(web::post().to(handle)))
    });
    server.workers(2).listen(listener)?.run().await?;
    Ok(())
}

async fn handle(state: Data<(Effects, bool)>, webhook: Webhook<hostwares::Event>) -> HttpResponse {
    let (effects, in_transaction) = &**state;
    let id = webhook.event.id.clone().unwrap_or_default();
    match effects.handle(&webhook, &id, *in_transaction).await {
        true => HttpResponse::Ok().finish(),
        false => HttpResponse::InternalServerError().finish(),
    }
}
