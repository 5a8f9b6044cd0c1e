//! A process that receives: the real core, behind a small model of an adapter.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use countersign::{
    Answer, ClaimToken, Delivery, Endpoint, HandlerTasks, Provider, Receiver, Rejection,
    RejectionKind, Reply, Retries, Signature, Store as _, Timestamp, Window,
};

use crate::executor::{
    MachineClock, Micros, Process, RUNTIME, SECOND, TaskId, machine, now, spawn,
};
use crate::faults::Fault;
use crate::handler;
use crate::network::Client;
use crate::parking::{self, Attempts};
use crate::secrets::{self, Secrets};
use crate::world::{World, broken, counted_body, say, world};

pub const ENDPOINT: &str = "simulated";
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
    pub attempts: Attempts,
    /// Whether each delivery names a tenant.
    pub by_tenant: bool,
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
        let secrets = Secrets::choose(settings.by_tenant);
        let endpoint = Endpoint::builder(ENDPOINT, settings.provider.clone());
        let endpoint = settings
            .attempts
            .of(secrets.of(endpoint, process, settings.by_tenant))
            .window(settings.window)
            .lease(settings.lease)
            .renew_for(Duration::from_secs(1_800))
            .retention(settings.retention)
            .clock(MachineClock(process))
            .build()
            .expect("an endpoint");
        secrets.keep_changing(&endpoint, process);
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
        let (came, sent) = (now(), world(|world| world.events[event].clone()));
        let body = counted_body(&sent.body);
        let arriving = match self.receiver.begin(&sent.head()) {
            Ok(arriving) => arriving,
            Err(reply) => return self.refused(&reply, came),
        };
        let received = self.receiver.receive(arriving, Some(body), pending::<()>()).await;
        let delivery = match received {
            Ok(delivery) => delivery,
            Err(reply) => return self.refused(&reply, came),
        };
        if self.settings.fault == Some(Fault::MarkedBeforeHandling) {
            let token = ClaimToken::random().expect("a token");
            let lease = Duration::from_secs(60);
            let _ = self.client.claim(delivery.key(), token, lease).await;
            let _ = self.client.complete(delivery.key(), token, self.settings.retention).await;
        }
        let (process, settings) = (self.process, Rc::clone(&self.settings));
        let (start, counts) = (self.client.start, self.settings.attempts != Attempts::NotCounted);
        let handler = move |delivery: Delivery| async move {
            let status = handler::handle(process, event, delivery, &settings).await;
            Answer::new(status, status)
        };
        let handled = self.receiver.clone().handle(delivery, handler).await;
        match handled {
            Ok(status) => status,
            Err(rejection) => {
                say(|| format!("process {} refuses: {}", self.process, rejection.code()));
                match rejection.kind() {
                    RejectionKind::Parked => parking::answered(event),
                    // The claim may have been made, and its attempt not counted. It is released.
                    RejectionKind::StoreUnavailable if counts => {
                        world(|world| world.ended.push(((process, start), now())));
                    }
                    _ => {}
                }
                match (rejection.kind(), self.settings.fault) {
                    (RejectionKind::InFlight, Some(Fault::InFlightIsAcknowledged)) => 200,
                    (RejectionKind::Duplicate, Some(Fault::DuplicateIsAnError)) => 409,
                    _ => rejection.status(),
                }
            }
        }
    }

    /// A refusal before the claim, of a genuine delivery.
    fn refused(&self, reply: &Reply, came: Micros) -> u16 {
        let kind = reply.rejection().map(Rejection::kind);
        if kind == Some(RejectionKind::SecretsUnavailable) {
            World::cover("secrets", "unavailable");
        }
        if kind == Some(RejectionKind::SignatureMismatch) {
            if !secrets::is_misled(self.process, came) {
                broken(
                    "P4: a genuine delivery was refused as forged, which providers take as final",
                );
            }
            World::cover("secrets", "wrong");
        }
        reply.status()
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
