//! The receiver on axum.

use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::providers::hostwares;
use countersign::{DynStore, Receiver};
use countersign_tower::{Webhook, WebhookLayer};

use crate::Anything;
use crate::effects::Effects;

pub(crate) async fn serve(
    listener: TcpListener,
    receiver: Receiver<Arc<dyn DynStore>>,
    effects: Effects,
    in_transaction: bool,
) -> Result<(), Anything> {
    let webhooks = WebhookLayer::from_receiver(receiver);
    let app = Router::new()
        .route("/hostwares", post(handle).route_layer(webhooks))
        .with_state((effects, in_transaction));
    listener.set_nonblocking(true)?;
    axum::serve(tokio::net::TcpListener::from_std(listener)?, app).await?;
    Ok(())
}

async fn handle(
    State((effects, in_transaction)): State<(Effects, bool)>,
    webhook: Webhook<hostwares::Event>,
) -> StatusCode {
    let id = webhook.event.id.clone().unwrap_or_default();
    match effects.handle(&webhook, &id, in_transaction).await {
        true => StatusCode::OK,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
