//! A receiver as a process, to be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// How a receiver is started.
#[derive(Clone)]
pub struct Settings {
    pub framework: &'static str,
    pub effects: String,
    pub table: String,
    pub redis: Option<(String, String)>,
    pub in_transaction: bool,
    pub lease_ms: u64,
}

pub struct Receiver {
    process: Child,
    settings: Settings,
    pub address: SocketAddr,
}

impl Receiver {
    /// Starts a receiver on a free port and waits until it listens.
    pub fn start(settings: &Settings) -> Self {
        let (process, address) = run(settings, "127.0.0.1:0");
        Self { process, settings: settings.clone(), address }
    }

    /// SIGKILL: it gets no chance to do anything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again at the same address.
    pub fn start_again(&mut self) {
        (self.process, self.address) = run(&self.settings, &self.address.to_string());
    }
}

fn run(settings: &Settings, address: &str) -> (Child, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_receiver"));
    command
        .env("ADDR", address)
        .env("FRAMEWORK", settings.framework)
        .env("EFFECTS", &settings.effects)
        .env("TABLE", &settings.table)
        .env("LEASE_MS", settings.lease_ms.to_string())
        .env("COMPLETE", if settings.in_transaction { "in transaction" } else { "by the layer" });
    if let Some((url, prefix)) = &settings.redis {
        command.env("REDIS_STORE", url).env("PREFIX", prefix);
    }
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on ").expect("the receiver starts");
    (process, address.parse().unwrap())
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
