//! A handler on actix-web.

use std::time::Duration;

use actix_web::test::{call_service, init_service};
use actix_web::{App, HttpResponse, web};
use countersign::providers::piora::Event;
use countersign::{Store, testing::TestKit};
use countersign_actix::testing::{middleware, test_request};
use countersign_actix::{Webhook, WebhookMiddleware};

async fn on_event(webhook: Webhook<Event>) -> HttpResponse {
    println!("{}", webhook.event.event_type);
    HttpResponse::Ok().finish()
}

fn routes(webhooks: WebhookMiddleware<impl Store>) -> impl FnOnce(&mut web::ServiceConfig) {
    let piora = web::resource("/webhooks/piora").wrap(webhooks);
    move |config| {
        config.service(piora.route(web::post().to(on_event)));
    }
}

#[actix_web::test]
async fn a_deployment_is_handled_once_however_late_its_retry_comes() {
    let kit = TestKit::new("piora").to("/webhooks/piora");
    let app = init_service(App::new().configure(routes(middleware(&kit)))).await;
    let event = kit.event("deployment.failed");
    call_service(&app, test_request(&kit.request(&event)).to_request()).await;
    kit.advance(Duration::from_secs(52_560)).await; // 14 h 36 min: the last retry
    call_service(&app, test_request(&kit.retry(&event, 5)).to_request()).await;
    kit.assert_each_handled_once();
}
