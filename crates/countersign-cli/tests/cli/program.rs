//! The running program, with what it writes.

use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes on a slow machine; tests that pass never wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A user and password, for the provider that wants one.
pub(crate) const SECRET: &str = "the-current:secret";
pub(crate) const OLDER: &str = "the-older-secret";

/// The program with its arguments, and with secrets in `SECRET` and `OLDER`.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command.args(args).env("SECRET", SECRET).env("OLDER", OLDER).env_remove("RUST_LOG");
    command
}

/// `countersign listen` on a free port. Killed when dropped.
pub(crate) struct Program {
    pub(crate) addr: SocketAddr,
    child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
}

impl Program {
    /// Started with these arguments more, and ready.
    pub(crate) fn listen(args: &[&str]) -> Self {
        Self::spawn(command(&[&["listen", "--addr", "127.0.0.1:0"], args].concat()))
    }

    pub(crate) fn spawn(command: Command) -> Self {
        Self::spawn_onto(command, Stdio::piped())
    }

    /// The same with a standard output of the test's own.
    pub(crate) fn spawn_onto(mut command: Command, stdout: impl Into<Stdio>) -> Self {
        Self::wait_ready(command.stdout(stdout).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// The same with a pipe for standard output, whose reading end is handed out.
    pub(crate) fn spawn_unread(command: Command) -> (Self, PipeReader) {
        let (reader, writer) = pipe().unwrap();
        (Self::spawn_onto(command, writer), reader)
    }

    /// The same, whose standard error nobody reads any more once it is ready. The reading end is
    /// handed out.
    pub(crate) fn spawn_with_unread_log(mut command: Command) -> (Self, BufReader<PipeReader>) {
        let (reader, writer) = pipe().unwrap();
        let child = command.stdout(Stdio::null()).stderr(writer).spawn().unwrap();
        // It has the writing end.
        drop(command);
        let mut log = BufReader::new(reader);
        let mut line = String::new();
        while !line.contains("http://") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "no ready line on stderr");
        }
        let (lines, stderr) = (channel().1, Arc::default());
        (Self { addr: address(&line).unwrap(), child, lines, stderr }, log)
    }

    fn wait_ready(mut child: Child) -> Self {
        let (line_out, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            spawn(move || {
                for line in BufReader::new(stdout).lines() {
                    let _ = line_out.send(line.unwrap());
                }
            });
        }
        let stderr = Arc::new(Mutex::new(String::new()));
        let (ready_out, ready) = channel();
        let (from, to) = (child.stderr.take().unwrap(), Arc::clone(&stderr));
        spawn(move || {
            for line in BufReader::new(from).lines() {
                let line = line.unwrap();
                if let Some(addr) = address(&line) {
                    let _ = ready_out.send(addr);
                }
                let mut to = to.lock().unwrap();
                to.push_str(&line);
                to.push('\n');
            }
        });
        let addr = ready.recv_timeout(PATIENCE).expect("no ready line on stderr");
        Self { addr, child, lines, stderr }
    }

    /// The next line, as JSON.
    pub(crate) fn line(&self) -> Value {
        serde_json::from_str(&self.raw_line()).expect("a line that is not JSON")
    }

    pub(crate) fn raw_line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("no line on stdout")
    }

    /// Nothing more on stdout. Only after the end is that certain.
    pub(crate) fn no_more_lines(&self) {
        assert_eq!(self.lines.try_iter().collect::<Vec<_>>(), Vec::<String>::new());
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits until the first signal has arrived.
    pub(crate) fn wait_until_stopping(&self) {
        self.wait_for_log("stopping");
    }

    /// Waits until the log has these words.
    pub(crate) fn wait_for_log(&self, words: &str) {
        let started = Instant::now();
        while !self.stderr().contains(words) {
            assert!(started.elapsed() < PATIENCE, "no {words:?} in:\n{}", self.stderr());
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        end(&mut self.child)
            .unwrap_or_else(|| panic!("the program does not end; stderr:\n{}", self.stderr()))
    }

    /// SIGTERM, and its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait().code()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

/// Waits until a process has ended, but not without limit.
pub(crate) fn end(child: &mut Child) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    None
}

/// Runs the command by a shell, which first does this, such as `ulimit -n 64;`, and adds this after
/// it, such as `>&-`.
pub(crate) fn in_shell(before: &str, command: &Command, after: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before} exec \"$0\" \"$@\" {after}")]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// The address in the ready line.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on http://")?;
    rest.split(',').next()?.parse().ok()
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
