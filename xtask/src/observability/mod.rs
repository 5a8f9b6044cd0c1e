//! `cargo xtask observability`: the alert rules and the dashboard of `examples/observability` against a
//! real Prometheus, which fetches from `countersign listen --metrics` while all sorts of deliveries come.

mod handler;
mod prometheus;
mod running;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command::{cargo, root, step};
use crate::ports::free_port;
use crate::programs;
use handler::Handler;
use prometheus::Prometheus;
use running::{Folder, Running, wait_until};

/// The programs, and the Debian packages that have them.
const NEEDED: &[(&str, &str)] =
    &[("prometheus", "prometheus"), ("promtool", "prometheus"), ("redis-server", "redis-server")];

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let install = match arguments {
        [] => false,
        [install] if install == "--install" => true,
        _ => return Err("usage: cargo xtask observability [--install]".to_owned()),
    };
    programs::require_all(NEEDED, install, "cargo xtask observability --install")?;
    let rules = root()?.join("examples/observability");
    step(promtool()?.args(["check", "rules", "rules.yml"]).current_dir(&rules))?;
    let tests = ["rules_test.yml", "rules_rotation_test.yml"];
    step(promtool()?.args(["test", "rules"]).args(tests).current_dir(&rules))?;
    step(Command::new(cargo()).args(["build", "-p", "countersign-cli"]))?;
    against_a_real_prometheus(&rules)
}

fn promtool() -> Result<Command, String> {
    Ok(Command::new(programs::program("promtool").ok_or("no promtool")?))
}

/// Secrets of the endpoints. What is sent to `stripe` is signed with another one.
const SECRETS: &[(&str, &str)] =
    &[("NEW", "the present secret"), ("OLD", "that of last year"), ("TYPO", "a wrong secret")];

fn against_a_real_prometheus(rules: &Path) -> Result<(), String> {
    let folder = Folder::new()?;
    let redis_port = free_port();
    let redis = start_redis(redis_port, &folder)?;
    let handler = Handler::start()?;
    let store = format!("redis://127.0.0.1:{redis_port}/");
    let listener = Listener::start(&store, handler.port, &[])?;
    let in_memory = Listener::start("memory", handler.port, &["--park-after", "1"])?;
    let prometheus = Prometheus::start(&folder, rules, &[listener.metrics, in_memory.metrics])?;

    println!("> deliveries: genuine, forged, stale, under an old secret, under a wrong secret");
    let sender = Sender { port: listener.port };
    let to_memory = Sender { port: in_memory.port };
    to_memory.send("github", "NEW", &[]);
    // `increase` needs what was before, of each of the two.
    prometheus.wait_for("count(countersign_build_info) == 2", "the first fetch from each")?;
    let refuse_and_accept = || {
        for _ in 0..3 {
            sender.send("hostwares", "NEW", &[]);
            sender.send("github", "NEW", &[]);
            sender.send("github", "OLD", &[]);
        }
        sender.send("github", "NEW", &["--tamper"]);
        sender.send("hostwares", "NEW", &["--stale"]);
        sender.send("stripe", "NEW", &[]);
    };
    refuse_and_accept();
    prometheus.wait_for(
        r#"increase(countersign_deliveries_total{endpoint="hostwares",outcome="accepted"}[5m]) > 0"#,
        "a delivery in the metrics",
    )?;
    // Before the first delivery it may have come: here a condition has to last a second only.
    let is_quiet = || prometheus.has_no_alert("WebhookEndpointSilent", r#"endpoint="hostwares""#);
    wait_until("no alarm for an endpoint that is not silent", is_quiet)?;
    println!("> a handler that fails");
    handler.answer(500);
    for _ in 0..3 {
        sender.send("percher", "NEW", &[]);
    }
    to_memory.send("github", "NEW", &[]);
    handler.answer(200);
    prometheus.wait_for_alert("WebhookSecretWrong", r#"endpoint="stripe""#)?;
    for alert in ["WebhookHandlerFailing", "WebhookLastRetryNear"] {
        prometheus.wait_for_alert(alert, r#"endpoint="percher""#)?;
    }
    prometheus.wait_for_alert("WebhookEventParked", r#"endpoint="github""#)?;
    println!("> a store that goes away while a handler runs");
    refuse_and_accept();
    handler.wait(Duration::from_secs(4));
    let slow = sender.start("hostwares", "NEW")?;
    wait_until("a handler runs", || handler.running() > 0)?;
    drop(redis);
    sender.send("github", "NEW", &[]);
    drop(slow);
    prometheus.wait_for_alert("WebhookStoreErrors", r#"store="redis""#)?;
    prometheus.wait_for_alert("WebhookClaimsLost", r#"endpoint="hostwares""#)?;
    handler.wait(Duration::ZERO);
    let redis = start_redis(redis_port, &folder)?;
    prometheus.every_panel_has_data(&rules.join("dashboard.json"), &refuse_and_accept)?;

    println!("> silence");
    prometheus.wait_for_alert("WebhookEndpointSilent", r#"endpoint="hostwares""#)?;
    wait_until("the alarm ends with the next genuine delivery", || {
        sender.send("hostwares", "NEW", &[]);
        is_quiet()
    })?;
    drop((listener, in_memory, redis));
    println!(
        "> each query of the dashboard has data, and these alerts came: {}",
        prometheus.seen()
    );
    Ok(())
}

fn start_redis(port: u16, folder: &Folder) -> Result<Running, String> {
    let mut redis = Command::new(programs::program("redis-server").ok_or("no redis-server")?);
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    redis.args(["--appendonly", "no", "--dir"]).arg(folder.path());
    let redis = Running::start(redis.stdout(Stdio::null()))?;
    wait_until("Redis answers", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok(redis)
}

/// `countersign listen`, with the endpoints of this run.
struct Listener {
    port: u16,
    metrics: u16,
    #[expect(dead_code, reason = "it runs until it is dropped")]
    running: Running,
}

impl Listener {
    fn start(store: &str, handler: u16, args: &[&str]) -> Result<Self, String> {
        let (port, metrics) = (free_port(), free_port());
        let mut listen = countersign()?;
        listen.args(["listen", "--store", store, "--lease", "3s"]).args(args);
        listen.args(["--addr", &format!("127.0.0.1:{port}")]);
        listen.args(["--metrics", &format!("127.0.0.1:{metrics}")]);
        listen.args(["--forward-to", &format!("http://127.0.0.1:{handler}/")]);
        for endpoint in
            ["github=env:NEW,env:OLD", "hostwares=env:NEW", "percher=env:NEW", "stripe=env:TYPO"]
        {
            listen.args(["--provider", endpoint]);
        }
        let running = Running::start(listen.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_until("countersign listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Ok(Self { port, metrics, running })
    }
}

fn countersign() -> Result<Command, String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(Into::into);
    let target = target.unwrap_or(root()?.join("target"));
    let mut program = Command::new(target.join("debug/countersign"));
    program.envs(SECRETS.iter().copied()).env("RUST_LOG", "off");
    Ok(program)
}

/// Sends as the providers do.
struct Sender {
    port: u16,
}

impl Sender {
    fn send(&self, provider: &str, secret: &str, more: &[&str]) {
        // What is refused on purpose is no success for `trigger`.
        if let Ok(mut command) = self.command(provider, secret) {
            let _ = command.args(more).status();
        }
    }

    fn start(&self, provider: &str, secret: &str) -> Result<Running, String> {
        Running::start(&mut self.command(provider, secret)?)
    }

    fn command(&self, provider: &str, secret: &str) -> Result<Command, String> {
        let mut trigger = countersign()?;
        let url = format!("http://127.0.0.1:{}/webhooks/{provider}", self.port);
        trigger.args(["trigger", provider, "--to", &url, "--secret", &format!("env:{secret}")]);
        trigger.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(trigger)
    }
}
