//! Handlers of actix-web that nobody waits for any more, on every kind of thread: no drop of a
//! response may panic, for a program built with `panic = "abort"` would end.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::App as Actix;
use actix_web::dev::Service;
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{self, post};
use countersign::{Outcome, Reason};
use countersign_actix::Webhook;
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::fixtures::{self, Fixture};
use crate::harness::{App, Gate, Handler};
use crate::on_actix::{configure, middleware};
use crate::panics::Panics;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);
const ACCEPTED: (Outcome, Option<Reason>) = (Outcome::Accepted, None);
const CANCELLED: (Outcome, Option<Reason>) = (Outcome::Failed, Some(Reason::HandlerCancelled));

/// Runs the work; fails if anything on this thread panicked meanwhile, caught or not.
fn without_a_panic<T>(work: impl FnOnce() -> T) -> T {
    let here = std::thread::current().id();
    let panics = Panics::watch();
    let value = work();
    assert_eq!(panics.count(|panic| panic.thread == here), 0);
    value
}

fn in_process(fixture: &Fixture) -> TestRequest {
    let request = fixture.delivery(1);
    let mut builder = TestRequest::post().uri(&request.path).set_payload(request.body.clone());
    for (name, value) in &request.headers {
        builder = builder.append_header((name.as_str(), value.as_slice()));
    }
    builder
}

fn gated() -> (Gate, Fixture, App) {
    let gate = Gate::shut();
    let fixture = fixtures::piora();
    let app = App::new([fixture.endpoint().build().unwrap()], &Handler::gated(&gate));
    (gate, fixture, app)
}

/// Starts a handler, drops its response, then lets the handler go on.
async fn drop_a_response() -> App {
    let (gate, fixture, app) = gated();
    let service = init_service(Actix::new().configure(configure(&app))).await;
    let call = service.call(in_process(&fixture).to_request());
    assert!(timeout(SHORT, call).await.is_err());
    assert_eq!(app.handler.runs(), 1);
    gate.open();
    timeout(LONG, app.tasks.finished()).await.unwrap();
    app
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn on_an_actix_system_the_handler_goes_on() {
    let app = without_a_panic(|| actix_web::rt::System::new().block_on(drop_a_response()));
    assert_eq!(app.reports.all(), [ACCEPTED]);
}

#[test]
fn on_a_local_set_the_handler_goes_on() {
    let app = without_a_panic(|| LocalSet::new().block_on(&current_thread(), drop_a_response()));
    assert_eq!(app.reports.all(), [ACCEPTED]);
}

/// Where no local task can be started.
#[test]
fn on_a_runtime_of_one_thread_the_handler_goes_on() {
    let app = without_a_panic(|| current_thread().block_on(drop_a_response()));
    assert_eq!(app.reports.all(), [ACCEPTED]);
}

/// Where no task is sure to stay on its thread.
#[test]
fn on_a_runtime_of_many_threads_the_handler_is_cancelled() {
    let app = without_a_panic(|| multi_thread().block_on(drop_a_response()));
    assert_eq!(app.reports.all(), [CANCELLED]);
}

#[test]
fn outside_of_a_runtime_the_handler_is_cancelled() {
    let (_gate, fixture, app) = gated();
    without_a_panic(|| {
        let runtime = current_thread();
        let mut started = None;
        runtime.block_on(async {
            let service = init_service(Actix::new().configure(configure(&app))).await;
            let mut call = Box::pin(service.call(in_process(&fixture).to_request()));
            assert!(timeout(SHORT, call.as_mut()).await.is_err());
            started = Some(call);
        });
        assert_eq!(app.handler.runs(), 1);
        drop(started);
    });
    assert_eq!(app.reports.all(), [CANCELLED]);
    until_settled(&app);
}

/// The claim is released by a thread that outlives the runtime.
fn until_settled(app: &App) {
    let settled = current_thread().block_on(async { timeout(LONG, app.tasks.finished()).await });
    assert!(settled.is_ok(), "the claim is not settled");
}

/// A runtime that ends takes the handlers with it that nobody waits for.
#[test]
fn a_runtime_that_ends_cancels_the_handler() {
    let (_gate, fixture, app) = gated();
    without_a_panic(|| {
        current_thread().block_on(async {
            let service = init_service(Actix::new().configure(configure(&app))).await;
            assert!(timeout(SHORT, service.call(in_process(&fixture).to_request())).await.is_err());
            assert_eq!(app.reports.all(), [], "it goes on");
        });
    });
    assert_eq!(app.reports.all(), [CANCELLED]);
    until_settled(&app);
}

/// What a handler starts itself goes on as well: `actix_web::rt::spawn` needs local tasks.
#[test]
fn a_handler_that_nobody_waits_for_may_start_local_tasks() {
    async fn starts(
        webhook: Webhook,
        gate: web::Data<(Gate, Arc<Mutex<Vec<&'static str>>>)>,
    ) -> String {
        let (passing, said) = (gate.0.clone(), Arc::clone(&gate.1));
        passing.pass().await;
        let inner = actix_web::rt::spawn(async move {
            let local = std::rc::Rc::new("local");
            actix_web::rt::task::yield_now().await;
            said.lock().unwrap().push(*local);
        });
        inner.await.unwrap();
        webhook.delivery.key().to_string()
    }
    fn on(block_on: impl FnOnce(std::pin::Pin<Box<dyn Future<Output = ()>>>)) {
        let (gate, fixture, app) = gated();
        let said: Arc<Mutex<Vec<&str>>> = Arc::default();
        let data = web::Data::new((gate.clone(), Arc::clone(&said)));
        let webhooks = middleware(&app, &app.endpoints[0]);
        let tasks = app.tasks.clone();
        block_on(Box::pin(async move {
            let resource = web::resource("/piora").wrap(webhooks).route(post().to(starts));
            let service = init_service(Actix::new().app_data(data).service(resource)).await;
            assert!(timeout(SHORT, service.call(in_process(&fixture).to_request())).await.is_err());
            gate.open();
            timeout(LONG, tasks.finished()).await.unwrap();
        }));
        assert_eq!(*said.lock().unwrap(), ["local"]);
        assert_eq!(app.reports.all(), [ACCEPTED]);
    }
    without_a_panic(|| {
        on(|work| actix_web::rt::System::new().block_on(work));
        on(|work| current_thread().block_on(work));
    });
}
