//! The page "Start": its programs are those of `examples/start`, and its commands are run against them
//! with the program `countersign`.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the message")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const PAGE: &str = include_str!("../../docs/start.md");
const SECRET: &str = "whsec_a_first_test";

/// A program from the same build as this test.
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(|deps| deps.parent()).unwrap().join(name);
    assert!(path.exists(), "{} is not built: cargo build --workspace --examples", path.display());
    path
}

/// The page's commands that begin with this.
fn commands(start: &str) -> Vec<&'static str> {
    let blocks = PAGE.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).filter(|line| line.starts_with(start)).collect()
}

/// The page's setting of the log.
fn log_filter() -> &'static str {
    let command = commands("RUST_LOG=").pop().unwrap();
    command.strip_prefix("RUST_LOG=").and_then(|rest| rest.strip_suffix(" cargo run")).unwrap()
}

/// One of the page's programs; it is killed when the test ends.
struct Program {
    child: Child,
    address: String,
    printed: Receiver<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(name: &str) -> Self {
        let mut command = Command::new(built(&format!("examples/{name}")));
        command.env_clear().env("ADDR", "127.0.0.1:0").env("STRIPE_SECRET", SECRET);
        command.env("RUST_LOG", log_filter()).env("NO_COLOR", "1");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, printed) = channel();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let first = printed.recv_timeout(Duration::from_secs(60)).unwrap();
        let address = first.strip_prefix("listening on http://").unwrap().to_owned();
        Self { child, address, printed }
    }

    /// Waits for a line with this, and for none of the handler before it.
    fn prints(&self, text: &str) {
        loop {
            let line = self.printed.recv_timeout(Duration::from_secs(60)).unwrap();
            if line.contains(text) {
                return;
            }
            assert!(!line.starts_with(HANDLED), "{line}");
        }
    }
}

/// How a line of the handler begins.
const HANDLED: &str = "invoice.paid ";

fn is_as_the_page_says(name: &str) {
    let program = Program::start(name);
    let commands = commands("countersign trigger ");
    assert_eq!(commands.len(), 4);
    let lines = PAGE.lines().filter_map(|line| line.strip_suffix(" …"));
    let mut refused = lines.filter(|line| line.starts_with("DEBUG"));
    for (number, command) in commands.iter().enumerate() {
        let command = command.replace("127.0.0.1:3000", &program.address);
        let mut bash = Command::new("bash");
        let path = built("countersign");
        let script = format!("countersign() {{ '{}' \"$@\"; }}; {command}", path.display());
        let output = bash.args(["-euc", &script]).env("STRIPE_SECRET", SECRET).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{command}\n{printed}");
        assert!(printed.trim_end().ends_with("as it should be"), "{command}\n{printed}");
        // The first two reach the handler, each once; what is forged or stale does not.
        if number < 2 {
            program.prints("invoice.paid Some(\"evt_");
        } else {
            program.prints(refused.next().unwrap());
        }
    }
    assert!(program.printed.try_iter().all(|line| !line.starts_with(HANDLED)));
}

#[test]
fn on_axum_each_command_is_answered_as_the_page_says() {
    is_as_the_page_says("start_axum");
}

#[test]
fn on_actix_each_command_is_answered_as_the_page_says() {
    is_as_the_page_says("start_actix");
}

#[test]
fn the_page_shows_the_programs_that_run() {
    let shown = [include_str!("../start/on_axum.rs"), include_str!("../start/on_actix.rs")];
    let blocks: Vec<_> = PAGE.split("```rust,no_run\n").skip(1).collect();
    assert_eq!(blocks.len(), shown.len());
    for (block, file) in blocks.iter().zip(shown) {
        // `main` differs: a test needs a port that is free.
        let (code, _) = block.split_once("::main]").unwrap();
        let (code, _) = code.rsplit_once('\n').unwrap();
        assert!(file.contains(code), "this is not what runs:\n{code}");
    }
}
