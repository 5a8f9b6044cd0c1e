//! Servers in processes of their own, so that their processor time and memory are theirs alone.

mod on_actix;
mod on_axum;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::counting::Spent;
use crate::sent::{Scheme, Sent};

/// The argument that makes this program a server.
pub const SERVE: &str = "--serve";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framework {
    Axum,
    Actix,
}

pub const BY_HAND: &str = "by hand";
pub const OURS: &str = "countersign";

impl Framework {
    pub fn name(self) -> &'static str {
        match self {
            Self::Axum => "axum",
            Self::Actix => "actix",
        }
    }

    /// The schemes that are served.
    pub fn schemes(self) -> &'static [Scheme] {
        match self {
            Self::Axum => {
                &[Scheme::Piora, Scheme::Hostwares, Scheme::GitHub, Scheme::StandardWebhooks]
            }
            Self::Actix => &[Scheme::Piora, Scheme::Hostwares, Scheme::GitHub],
        }
    }

    /// Who serves this scheme; the one written by hand is the first.
    pub fn sides(self, scheme: Scheme) -> Vec<&'static str> {
        let mut sides = vec![BY_HAND, OURS];
        if cfg!(feature = "peers") {
            match (self, scheme) {
                (Self::Axum, Scheme::GitHub) => sides.push("octoevents"),
                (Self::Axum, Scheme::StandardWebhooks) => sides.push("axum-standardwebhooks"),
                (Self::Actix, Scheme::GitHub) => sides.push("webhook-verify"),
                _ => {}
            }
        }
        sides
    }
}

/// Sends these to the path, and expects the status.
pub type InProcess = Box<dyn Fn(&str, &[Sent], u16) -> Spent>;

/// Every side in this process, without sockets.
pub fn in_process(framework: Framework, counts: bool) -> InProcess {
    match framework {
        Framework::Axum => on_axum::in_process(counts),
        Framework::Actix => on_actix::in_process(counts),
    }
}

/// Where a side is served.
pub fn path(scheme: Scheme, side: &str) -> String {
    format!("/{}/{}", scheme.id(), side.replace(' ', "-"))
}

/// A server in another process; that ends with this.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts this program once more as a server.
    pub fn start(framework: Framework) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args([SERVE, framework.name()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // One of the crates panics for each body that breaks off: printing a thousand backtraces would
        // take longer than the rest.
        command.env("RUST_BACKTRACE", "0").stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let said = child.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut line).expect("its address");
        let address = line.trim().parse().expect("an address");
        Self { child, address }
    }

    /// The processor time of its threads so far, as the scheduler counts it.
    pub fn processor_time(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux");
        let of_task = |task: fs::DirEntry| {
            let stat = fs::read_to_string(task.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(tasks.flatten().filter_map(of_task).sum())
    }

    /// Its resident memory in bytes.
    pub fn resident(&self) -> u64 {
        resident(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A process's resident memory in bytes, counted page by page: `VmRSS` is a guess by some pages.
pub fn resident(process: &str) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).expect("Linux");
    let line = pages.lines().find_map(|line| line.strip_prefix("Rss:")).expect("Rss");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Serves all sides until the standard input ends.
pub fn serve(framework: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("its address"));
    std::io::stdout().flush().expect("a pipe");
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    match framework {
        "axum" => on_axum::serve(listener),
        _ => on_actix::serve(listener),
    }
}
