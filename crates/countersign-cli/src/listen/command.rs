//! `countersign listen`: a listener for a process, with its standard output and signals.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use countersign_tower::HandlerTasks;
use time::UtcOffset;

use super::plan::{Plan, Planned};
use super::{By, Mount, OUTPUT_GRACE, Settings, check, server};
use crate::LOG_GRACE;
use crate::args::ListenArgs;
use crate::forward::{self, Forwarder, HttpClient};
use crate::log::{self, Log};
use crate::output::{Form, Look, Output};
use crate::record::Watchers;
use crate::signals::Stop;
use crate::{endpoint, files, stdio, store};

/// Serves until a signal. An error is one sentence.
pub(crate) fn run(args: &ListenArgs, log: &Log, offset: UtcOffset) -> Result<(), String> {
    if args.check {
        return check(args);
    }
    let form = form(args, offset);
    // On a terminal, the lines say what the log says of deliveries.
    let level = if form == Form::Json { log::Level::INFO } else { log::Level::ERROR };
    log.trace(level)?;
    let plan = Plan::of(args)?;
    if plan.prints() {
        stdio::check_stdout()?;
    }
    // A delivery that is forwarded has a connection on each side.
    let connections = files::connections(if plan.forwards() { 2 } else { 1 });
    let tasks = HandlerTasks::new();
    let output = Output::start(form).map_err(|error| format!("cannot start: {error}"))?;
    let stop = stop(plan.shutdown_timeout, &tasks, &output, log)
        .map_err(|error| format!("cannot take signals: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let opened = runtime.block_on(async {
        tokio::select! {
            opened = store::open(&plan.store) => opened.map(Some),
            () = stop.clone().stopped() => Ok(None),
        }
    });
    let opened = opened.map_err(|problem: String| problem.replacen("--store", &plan.store_is, 1));
    let Some(store) = opened? else { return Ok(()) };
    for line in endpoint::unconfirmed(plan.endpoints.iter().map(|planned| &planned.mount)) {
        log.say(&line);
    }
    let mounts = mounts(plan.endpoints)?;
    let settings = Settings {
        mounts,
        store: Arc::clone(&store.store),
        watchers: Watchers::default(),
        tasks: tasks.clone(),
        connections,
    };
    let by = By::Printing(output.clone());
    let (routes, limits) = settings.routes(by, Some(output.clone()), stop.clone())?;
    let served = runtime.block_on(async {
        let (listener, addr) = server::bind(&plan.addr).await?;
        let paths: Vec<_> = routes.mounts().iter().map(|mount| &*mount.path).collect();
        log.say(&format!("countersign: listening on http://{addr}, POST {}", paths.join(", ")));
        tracing::info!(connections, "the limit of connections at a time");
        server::serve(listener, routes, limits, &tasks, stop).await;
        Ok(())
    });
    // A host that is being looked up would hold up a drop.
    runtime.shutdown_background();
    output.finish(OUTPUT_GRACE);
    served
}

/// The endpoints, each with what handles its events.
fn mounts(endpoints: Vec<Planned>) -> Result<Vec<Mount>, String> {
    let mut client = None;
    let mut mounts = Vec::new();
    for Planned { mut mount, targets } in endpoints {
        if let Some(targets) = targets {
            let client = match &client {
                Some(client) => HttpClient::clone(client),
                None => client.insert(forward::client()?).clone(),
            };
            mount.by = Some(By::Forwarding(Forwarder::new(client, targets)));
        }
        mounts.push(mount);
    }
    Ok(mounts)
}

/// Prints what would be listened to.
fn check(args: &ListenArgs) -> Result<(), String> {
    let plan = Plan::of(args)?;
    let printed = io::stdout().write_all(check::describe(&plan).as_bytes());
    printed.map_err(|error| format!("cannot write to stdout: {error}"))
}

/// Words for people on a terminal, and JSON for everybody else.
fn form(args: &ListenArgs, offset: UtcOffset) -> Form {
    if args.json || !io::stdout().is_terminal() {
        return Form::Json;
    }
    Form::People(Look { color: !log::is_plain(), offset })
}

/// Takes the signals, and ends the process if the end takes too long.
fn stop(patience: Duration, tasks: &HandlerTasks, output: &Output, log: &Log) -> io::Result<Stop> {
    let (tasks, output, log) = (tasks.clone(), output.clone(), log.clone());
    Stop::on_signal(patience, move || {
        let handling = tasks.running();
        if handling > 0 {
            tracing::error!(handling, "ended by --shutdown-timeout before these were handled");
        }
        output.finish(OUTPUT_GRACE);
        log.finish(LOG_GRACE);
        i32::from(handling > 0)
    })
}
