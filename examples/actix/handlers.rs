//! The handlers, one for each provider's typed events.
//!
//! A 2xx says "handled, do not send it again"; anything else brings the event back with the
//! provider's next retry. Unknown types are deliveries like any other.

use actix_web::HttpResponse;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign_actix::Webhook;

pub(crate) async fn on_piora(Webhook { event, .. }: Webhook<piora::Event>) -> HttpResponse {
    use piora::EventType::{ApplicationCrashed, DeploymentFailed};
    let application = event.data.and_then(|data| data.application).and_then(|app| app.name);
    match event.event_type {
        DeploymentFailed => tracing::error!(?application, "deployment failed"),
        ApplicationCrashed => tracing::error!(?application, "application crashed"),
        other => tracing::info!(?application, "{other}"),
    }
    HttpResponse::NoContent().finish()
}

pub(crate) async fn on_hostwares(Webhook { event, .. }: Webhook<hostwares::Event>) -> HttpResponse {
    use hostwares::EventType::{AlertTriggered, CreditsLow, DeploymentFailed};
    let site = event.data.and_then(|data| data.site_name);
    match event.event_type {
        DeploymentFailed | AlertTriggered => tracing::error!(?site, "{}", event.event_type),
        CreditsLow => tracing::warn!(account = ?event.account_id, "credits are low"),
        other => tracing::info!(?site, "{other}"),
    }
    HttpResponse::NoContent().finish()
}

pub(crate) async fn on_percher(
    Webhook { event, delivery, .. }: Webhook<percher::Event>,
) -> HttpResponse {
    use percher::EventType::{AppCrashed, AppUnhealthy, DeployFailed};
    // Percher never retries: what is not kept here is lost. A real handler writes it to a queue.
    match event.event_type {
        Some(kind @ (DeployFailed | AppCrashed | AppUnhealthy)) => tracing::error!("{kind}"),
        kind => tracing::info!(?kind, bytes = delivery.body().len(), "from percher"),
    }
    HttpResponse::NoContent().finish()
}

pub(crate) async fn on_pingara(Webhook { event, .. }: Webhook<pingara::Event>) -> HttpResponse {
    use pingara::EventType::{IncidentCreated, SslExpiring};
    let monitor = event.monitor.and_then(|monitor| monitor.name);
    match event.event_type {
        IncidentCreated => tracing::error!(?monitor, "down"),
        SslExpiring => tracing::warn!(?monitor, ssl = ?event.ssl, "certificate expires"),
        other => tracing::info!(?monitor, "{other}"),
    }
    HttpResponse::NoContent().finish()
}

pub(crate) async fn on_pakyas(Webhook { event, .. }: Webhook<pakyas::Event>) -> HttpResponse {
    use pakyas::EventType::{CheckDown, CheckFailed};
    let check = event.check.and_then(|check| check.name);
    // Pakyas takes a 4xx as final: what ought to come again needs a 5xx.
    match event.event_type {
        CheckDown | CheckFailed => tracing::error!(?check, "{}", event.event_type),
        other => tracing::info!(?check, "{other}"),
    }
    HttpResponse::NoContent().finish()
}
