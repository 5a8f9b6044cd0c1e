//! P4 again: a signature does not cover the method, so a captured delivery that is sent with another
//! one must not reach another handler.

use countersign::{Outcome, Reason, RejectionKind};

use crate::fixtures;
use crate::harness::{Adapter, App, Handler, Shape, on_every_adapter};

on_every_adapter! {
    another_method_is_refused_and_completes_nothing
    an_endpoint_may_accept_other_methods
}

async fn another_method_is_refused_and_completes_nothing<A: Adapter>() {
    for fixture in fixtures::all() {
        let handler = Handler::answering(200);
        let app = App::new([fixture.endpoint().build().unwrap()], &handler);
        let reports = app.reports.clone();
        let server = A::serve(app.shape(Shape::AllMethods)).await;
        let request = fixture.delivery(1);
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "REPORT"] {
            let reply = request.clone().method(method).send(server).await;
            reply.is_rejection(405, "method_not_allowed");
            assert_eq!(reply.header("allow"), Some("POST"), "{method}");
        }
        let refused = (Outcome::Rejected, Some(Reason::Rejected(RejectionKind::MethodNotAllowed)));
        assert_eq!(reports.all(), [refused; 6]);
        assert_eq!(request.send(server).await.status, 200, "{}", fixture.name);
        assert_eq!(handler.runs(), 1);
    }
}

async fn an_endpoint_may_accept_other_methods<A: Adapter>() {
    let fixture = fixtures::piora();
    let handler = Handler::answering(200);
    let endpoint = fixture.endpoint().methods(["PUT", "PATCH"]).build().unwrap();
    let server = A::serve(App::new([endpoint], &handler).shape(Shape::AllMethods)).await;
    for (number, method) in ["PUT", "PATCH"].into_iter().enumerate() {
        let request = fixture.delivery(u32::try_from(number).unwrap()).method(method);
        assert_eq!(request.send(server).await.status, 200, "{method}");
    }
    let reply = fixture.delivery(3).send(server).await;
    reply.is_rejection(405, "method_not_allowed");
    assert_eq!(reply.header("allow"), Some("PUT, PATCH"));
    assert_eq!(handler.runs(), 2);
}
