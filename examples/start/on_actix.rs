//! The program of the page [Start](../../docs/start.md), on actix-web. Here it takes its address from the
//! environment, and prints it, so that a test can start it.

use actix_web::{App, HttpResponse, HttpServer, web};
use countersign::{Endpoint, MemoryStore, Secret, catalogue};
use countersign_actix::{Webhook, WebhookMiddleware};

#[derive(Debug, serde::Deserialize)]
struct Event {
    r#type: String,
}

/// Runs only for an event that is genuine, fresh and not handled before.
async fn on_event(webhook: Webhook<Event>) -> HttpResponse {
    println!("{} {:?}", webhook.event.r#type, webhook.delivery.id());
    HttpResponse::Ok().finish() // handled: do not send it again
}

fn webhooks() -> Result<WebhookMiddleware<MemoryStore>, Box<dyn std::error::Error>> {
    let endpoint = Endpoint::builder("stripe", catalogue::provider("stripe")?)
        .secret(Secret::from_env("STRIPE_SECRET")?)
        .build()?;
    Ok(WebhookMiddleware::new(endpoint, MemoryStore::new()))
}

fn routes(webhooks: &WebhookMiddleware<MemoryStore>) -> impl FnOnce(&mut web::ServiceConfig) {
    let stripe = web::resource("/webhooks/stripe").wrap(webhooks.clone());
    move |config| {
        config.service(stripe.route(web::post().to(on_event)));
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init(); // the log, which says why a delivery was refused
    let webhooks = webhooks()?; // once: all workers share it
    let app = move || App::new().configure(routes(&webhooks));
    let server = HttpServer::new(app).workers(2).bind(std::env::var("ADDR")?)?;
    for address in server.addrs() {
        println!("listening on http://{address}");
    }
    server.run().await?;
    Ok(())
}
