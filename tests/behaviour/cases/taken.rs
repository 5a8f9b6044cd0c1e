//! A middleware that is mounted in a wrong way loses no event.

use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{Endpoint, Outcome, Provider, Reason, RejectionKind, Signature};
use tracing::level_filters::LevelFilter;

use crate::client::Request;
use crate::fixtures;
use crate::harness::{Adapter, App, Handler, Shape, on_every_adapter};
use crate::logs::Logs;

on_every_adapter! {
    a_2xx_of_another_route_completes_nothing
    whoever_reads_the_body_has_taken_the_delivery
    an_empty_body_is_taken_when_it_is_read
    a_misfit_that_is_acknowledged_is_handled
    a_middleware_applied_twice_says_so
}

const ACCEPTED: (Outcome, Option<Reason>) = (Outcome::Accepted, None);
const NOT_TAKEN: (Outcome, Option<Reason>) =
    (Outcome::Failed, Some(Reason::Rejected(RejectionKind::NotTaken)));
const FAILED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerStatus));

/// Whoever captured a delivery can send it to any path.
async fn a_2xx_of_another_route_completes_nothing<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler).shape(Shape::Around);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1);
    request.clone().to("/empty").send(server).await.is_rejection(500, "not_taken");
    for word in ["take `Webhook`", "`route_layer`", "`wrap` on the resource"] {
        assert!(logs.text().contains(word), "{}", logs.text());
    }
    assert_eq!(request.clone().to("/nowhere").send(server).await.status, 404);
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(handler.runs(), 1);
    assert_eq!(reports.all(), [NOT_TAKEN, FAILED, ACCEPTED]);
    request.to("/empty").send(server).await.is_duplicate();
}

async fn whoever_reads_the_body_has_taken_the_delivery<A: Adapter>() {
    let fixture = fixtures::piora();
    let endpoint = fixture.endpoint().build().unwrap();
    let app = App::new([endpoint], &Handler::answering(200)).shape(Shape::Around);
    let server = A::serve(app).await;
    let request = fixture.delivery(1).to("/bytes");
    assert_eq!(request.send(server).await.status, 200);
    request.send(server).await.is_duplicate();
}

async fn an_empty_body_is_taken_when_it_is_read<A: Adapter>() {
    let provider =
        Provider::builder("bare").hmac_sha256(Signature::header("x-signature")).build().unwrap();
    let secret = fixtures::secret();
    let endpoint = Endpoint::builder("bare", provider.clone()).secret(secret.clone());
    let endpoint = endpoint.build().unwrap();
    let app = App::new([endpoint], &Handler::answering(200)).shape(Shape::Around);
    let server = A::serve(app).await;
    let headers = Signer::new(&provider, &secret).sign("");
    let request = Request::post("bare", headers, Bytes::new());
    request.clone().to("/empty").send(server).await.is_rejection(500, "not_taken");
    assert_eq!(request.clone().to("/bytes").send(server).await.status, 200);
    request.send(server).await.is_duplicate();
}

/// Its handler knows what came, and says that it need not come again.
async fn a_misfit_that_is_acknowledged_is_handled<A: Adapter>() {
    let fixture = fixtures::piora();
    let endpoint = fixture.endpoint().build().unwrap();
    let app = App::new([endpoint], &Handler::answering(200)).shape(Shape::Around);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    let request = fixture.delivery(1).to("/misfit");
    assert_eq!(request.send(server).await.status, 200);
    assert_eq!(reports.all(), [ACCEPTED]);
    request.send(server).await.is_duplicate();
}

/// Two of them would wait for each other's claim for ever.
async fn a_middleware_applied_twice_says_so<A: Adapter>() {
    let (logs, _guard) = Logs::capture(LevelFilter::ERROR);
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let app = App::new([fixture.endpoint().build().unwrap()], &handler).shape(Shape::Twice);
    let reports = app.reports.clone();
    let server = A::serve(app).await;
    for _ in 0..2 {
        fixture.delivery(1).send(server).await.is_rejection(500, "misconfigured");
    }
    assert_eq!(reports.all(), [FAILED; 2]);
    for word in ["applied twice", "`piora`", "/piora", A::REMOVE] {
        assert!(logs.text().contains(word), "{word} is not in {}", logs.text());
    }
    let unsigned = fixture.delivery(1).without(fixture.proof_header);
    unsigned.send(server).await.is_rejection(401, "signature_missing");
    assert_eq!(handler.runs(), 0);
}
