//! A process that receives: the real core, behind a small model of an adapter.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use countersign::{
    Answer, ClaimToken, Delivery, Endpoint, HandlerTasks, Provider, Receiver, RejectionKind,
    Retries, Secret, Signature, Store as _, Timestamp, Window,
};

use crate::executor::{MachineClock, Micros, Process, RUNTIME, SECOND, TaskId, machine, spawn};
use crate::faults::Fault;
use crate::handler;
use crate::network::Client;
use crate::world::{broken, counted_body, say, world};

pub const SECRET: &str = "the secret of the simulation";

/// What all processes of a run are set to.
#[derive(Clone)]
pub struct Settings {
    pub provider: Provider,
    pub waits: &'static [u64],
    pub window: Window,
    pub lease: Duration,
    pub retention: Duration,
    pub cancel_on_disconnect: bool,
    pub fault: Option<Fault>,
}

/// The retry schedules of the built-in providers, in seconds, and a short one.
pub const SCHEDULES: &[&[u64]] = &[
    &[10, 60, 300],
    &[10, 60, 300, 1_800, 7_200],
    &[60, 300, 900],
    &[30, 120, 600, 1_800],
    &[60, 300, 1_800, 7_200, 43_200],
];

pub fn provider(waits: &[u64]) -> Provider {
    Provider::builder("simulated")
        .hmac_sha256(Signature::header("X-Signature"))
        .timestamp(Timestamp::body("time"))
        .event_type("type")
        .event_id("id")
        .retries(Retries::after(waits.iter().map(|wait| Duration::from_secs(*wait))))
        .build()
        .expect("a provider")
}

/// One start of a process.
#[derive(Clone)]
pub struct Server {
    pub process: Process,
    pub receiver: Receiver<Client>,
    pub tasks: HandlerTasks,
    client: Client,
    settings: Rc<Settings>,
}

thread_local! {
    pub static SERVERS: RefCell<Vec<Option<Server>>> = const { RefCell::new(Vec::new()) };
}

pub fn server(process: Process) -> Option<Server> {
    SERVERS.with(|servers| servers.borrow()[process].clone())
}

pub fn set_server(process: Process, server: Option<Server>) {
    // Dropped when nothing is borrowed any more.
    let before =
        SERVERS.with(|servers| std::mem::replace(&mut servers.borrow_mut()[process], server));
    drop(before);
}

impl Server {
    pub fn new(process: Process, settings: &Rc<Settings>) -> Self {
        let endpoint = Endpoint::builder("simulated", settings.provider.clone())
            .secret(Secret::new(SECRET).expect("a secret"))
            .window(settings.window)
            .lease(settings.lease)
            .renew_for(Duration::from_secs(1_800))
            .retention(settings.retention)
            .clock(MachineClock(process))
            .build()
            .expect("an endpoint");
        let client = Client { process, start: machine(process).start };
        let tasks = HandlerTasks::new();
        let receiver =
            Receiver::builder(endpoint, client.clone()).runtime(RUNTIME).tasks(&tasks).build();
        Self { process, receiver, tasks, client, settings: Rc::clone(settings) }
    }

    /// Takes a delivery; `answered` gets the status.
    pub fn deliver(self, event: usize, answered: impl FnOnce(u16) + 'static) -> TaskId {
        let process = self.process;
        world(|world| world.open[process] += 1);
        let open = Open(process);
        spawn(process, async move {
            let status = self.answer(event).await;
            drop(open);
            answered(status);
        })
    }

    async fn answer(self, event: usize) -> u16 {
        let (headers, body) = world(|world| {
            let event = &world.events[event];
            (Rc::clone(&event.headers), counted_body(&event.body))
        });
        let arriving = match self.receiver.begin(&*headers) {
            Ok(arriving) => arriving,
            Err(rejection) => return rejection.status(),
        };
        let received = self.receiver.receive(arriving, Some(body), pending::<()>()).await;
        let delivery = match received {
            Ok(delivery) => delivery,
            Err(rejection) => return rejection.status(),
        };
        if self.settings.fault == Some(Fault::MarkedBeforeHandling) {
            let token = ClaimToken::random().expect("a token");
            let lease = Duration::from_secs(60);
            let _ = self.client.claim(delivery.key(), token, lease).await;
            let _ = self.client.complete(delivery.key(), token, self.settings.retention).await;
        }
        let (process, settings) = (self.process, Rc::clone(&self.settings));
        let handler = move |delivery: Delivery| async move {
            let status = handler::handle(process, event, delivery, &settings).await;
            Answer::new(status, status)
        };
        let handled = self.receiver.clone().handle(delivery, handler).await;
        match handled {
            Ok(status) => status,
            Err(rejection) => {
                say(|| format!("process {} refuses: {}", self.process, rejection.code()));
                match (rejection.kind(), self.settings.fault) {
                    (RejectionKind::InFlight, Some(Fault::InFlightIsAcknowledged)) => 200,
                    (RejectionKind::Duplicate, Some(Fault::DuplicateIsAnError)) => 409,
                    _ => rejection.status(),
                }
            }
        }
    }

    /// Nothing waits here that nobody works on.
    pub fn check_idle(&self) {
        let running = self.tasks.running();
        if running > 0 {
            broken(format!(
                "P4: a shutdown of process {} waits for {running} handlers that have ended",
                self.process
            ));
        }
    }
}

/// A delivery that is being worked on.
struct Open(Process);

impl Drop for Open {
    fn drop(&mut self) {
        let _ = crate::world::WORLD.try_with(|world| world.borrow_mut().open[self.0] -= 1);
    }
}

pub const MINUTE: Micros = 60 * SECOND;
