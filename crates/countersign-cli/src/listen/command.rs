//! `countersign listen`: a listener for a process, with its standard output and signals.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use countersign_tower::HandlerTasks;
use time::UtcOffset;

use super::plan::{Plan, Planned};
use super::reread::Hangup;
use super::{By, Exposed, Mount, OUTPUT_GRACE, Settings, check, server};
use crate::LOG_GRACE;
use crate::args::ListenArgs;
use crate::forward::{self, Forwarder, HttpClient};
use crate::inspect::{Inspect, Inspector};
use crate::log::{self, Log};
use crate::output::{Explainer, Form, Look, Output};
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
    let files_each = if plan.forwards() { 2 } else { 1 };
    let inspect = inspect(args, &plan)?;
    let connections = files::connections(files_each, inspect.is_some());
    let tasks = HandlerTasks::new();
    let output = Output::start(form).map_err(|error| format!("cannot start: {error}"))?;
    let stop = stop(plan.shutdown_timeout, &tasks, &output, log)
        .map_err(|error| format!("cannot take signals: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    let hangup = {
        let _inside = runtime.enter();
        Hangup::take().map_err(|error| format!("cannot take signals: {error}"))?
    };
    let opened = runtime.block_on(async {
        tokio::select! {
            opened = store::open(&plan.store, &plan.env) => opened.map(Some),
            () = stop.clone().stopped() => Ok(None),
        }
    });
    let opened = opened.map_err(|problem: String| problem.replacen("--store", &plan.store_is, 1));
    let Some(store) = opened? else { return Ok(()) };
    for line in endpoint::unconfirmed(plan.endpoints.iter().map(|planned| &planned.mount)) {
        log.say(&line);
    }
    let mounts = mounts(plan.endpoints)?;
    let mut settings = Settings {
        mounts,
        store: Arc::clone(&store.store),
        watchers: Watchers::default(),
        tasks: tasks.clone(),
        connections: connections.listener,
        metrics: plan.metrics,
    };
    let by = By::Printing(output.clone());
    let explainer = match form {
        Form::People(look) => {
            settings.watchers.whole_requests = true;
            let started = Explainer::start(output.clone(), look);
            Some(started.map_err(|error| format!("cannot start: {error}"))?)
        }
        Form::Json => None,
    };
    let inspector = match inspect {
        Some(inspect) => {
            let inspect = inspect.with_connections(connections.inspector);
            Some(runtime.block_on(Inspector::open(inspect))?)
        }
        None => None,
    };
    if let Some(inspector) = &inspector {
        inspector.watch(&mut settings.watchers);
    }
    let served = runtime.block_on(async {
        let metrics = Exposed::bind(settings.metrics.as_deref()).await?;
        let registry = metrics.registry();
        let (routes, limits) =
            settings.routes(by, Some(output.clone()), explainer, stop.clone(), registry)?;
        let (listener, addr) = server::bind(&plan.addr).await?;
        let rereading = hangup.reread(routes.mounts().to_vec(), log.clone(), output.clone());
        tokio::spawn(rereading);
        let paths: Vec<_> = routes.mounts().iter().map(|mount| &*mount.path).collect();
        log.say(&format!("countersign: listening on http://{addr}, POST {}", paths.join(", ")));
        let inspecting =
            inspector.map(|inspector| inspector.serve(routes.clone(), addr, stop.clone()));
        if let Some(inspecting) = &inspecting {
            log.say(&inspecting.ready());
        }
        if let Some(addr) = metrics.addr() {
            log.say(&format!("countersign: metrics on http://{addr}/metrics"));
        }
        tracing::info!(connections = connections.listener, "the limit of connections at a time");
        let _exposed = metrics.serve();
        server::serve(listener, routes, limits, &tasks, stop).await;
        if let Some(inspecting) = inspecting {
            inspecting.finish().await;
        }
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
            mount.by = Some(By::Forwarding(Box::new(Forwarder::new(client, targets))));
        }
        mounts.push(mount);
    }
    Ok(mounts)
}

/// Prints what would be listened to.
fn check(args: &ListenArgs) -> Result<(), String> {
    let plan = Plan::of(args)?;
    check::addresses(&plan)?;
    let printed = io::stdout().write_all(check::describe(&plan).as_bytes());
    printed.map_err(|error| format!("cannot write to stdout: {error}"))
}

/// The inspector that is asked for. The command line wins over the file.
fn inspect(args: &ListenArgs, plan: &Plan) -> Result<Option<Inspect>, String> {
    let (given, of_file) = (&args.inspect, plan.inspect.as_ref());
    let Some(addr) = given.inspect.as_deref().or(of_file.map(|inspect| &*inspect.addr)) else {
        return match given.unused() {
            Some(option) => Err(format!("{option} needs --inspect HOST:PORT")),
            None => Ok(None),
        };
    };
    let mut inspect = Inspect::at(addr).with_store(store::kind(&plan.store));
    if let Some(keep) = given.inspect_keep.or(of_file.and_then(|inspect| inspect.keep)) {
        inspect = inspect.keep(keep);
    }
    let of_file_token = of_file.and_then(|inspect| inspect.token.as_deref());
    if let Some(source) = given.inspect_token.as_deref().or(of_file_token) {
        inspect = inspect.token_from(source, &plan.env);
    }
    let of_file = of_file.and_then(|inspect| inspect.file.as_deref());
    if let Some(path) = given.inspect_file.as_deref().or(of_file) {
        inspect = inspect.file(path);
    }
    Ok(Some(inspect))
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
