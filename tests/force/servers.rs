//! Redis and Postgres servers that a test may do anything to.

use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_port;

use crate::database::unique;

/// A server in a directory of its own, on a port of its own.
pub struct Server {
    process: Child,
    port: u16,
    directory: PathBuf,
    run: fn(u16, &Path) -> Command,
    /// How a Redis without persistence differs.
    arguments: &'static [&'static str],
}

impl Server {
    /// A Redis that writes every change to its disk.
    pub fn redis() -> Self {
        Self::start(redis, &["--appendonly", "yes", "--appendfsync", "always"], |_| {})
    }

    /// A Redis that forgets everything when it ends.
    pub fn forgetful_redis() -> Self {
        Self::start(redis, &["--appendonly", "no"], |_| {})
    }

    /// A Postgres with a database `test`.
    pub fn postgres() -> Self {
        let server = Self::start(postgres, &[], |directory| {
            let mut initdb = as_nobody(&postgres_program("initdb"), directory);
            initdb.args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "-D"]);
            let made = initdb.arg(directory.join("data")).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        });
        let port = server.port.to_string();
        let psql =
            ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-qc", "CREATE DATABASE test"];
        eventually(|| Command::new("psql").args(psql).output().unwrap().status.success());
        server
    }

    fn start(
        run: fn(u16, &Path) -> Command,
        arguments: &'static [&'static str],
        prepare: impl FnOnce(&Path),
    ) -> Self {
        let port = free_port();
        let directory = std::env::temp_dir().join(unique("countersign-server"));
        std::fs::create_dir_all(&directory).unwrap();
        if is_root() {
            chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        prepare(&directory);
        let process = run(port, &directory).args(arguments).spawn().unwrap();
        let server = Self { process, port, directory, run, arguments };
        server.wait();
        server
    }

    fn wait(&self) {
        eventually(|| TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn postgres_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/test", self.port)
    }

    /// Ends it at once; what it has promised to keep, it keeps.
    pub fn kill(&mut self) {
        // Postgres ends its other processes by itself on SIGQUIT.
        self.signal("-QUIT");
        let deadline = Instant::now() + Duration::from_millis(500);
        while self.process.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                self.process.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn start_again(&mut self) {
        let mut command = (self.run)(self.port, &self.directory);
        self.process = command.args(self.arguments).spawn().unwrap();
        self.wait();
    }

    /// All of its processes stand still: connections stay open, and nothing answers.
    pub fn freeze(&self) {
        self.signal_all("-STOP");
    }

    pub fn thaw(&self) {
        self.signal_all("-CONT");
    }

    fn signal(&self, signal: &str) {
        let _ = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
    }

    fn signal_all(&self, signal: &str) {
        self.signal(signal);
        let parent = self.process.id().to_string();
        let _ = Command::new("pkill").args([signal, "-P", &parent]).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.thaw();
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn redis(port: u16, directory: &Path) -> Command {
    let mut command = quiet("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.arg("--dir").arg(directory);
    command
}

fn postgres(port: u16, directory: &Path) -> Command {
    let mut command = as_nobody(&postgres_program("postgres"), directory);
    command.arg("-D").arg(directory.join("data")).arg("-k").arg(directory);
    command.args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
    command
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

const NOBODY: u32 = 65_534;

/// Postgres refuses to be run by root.
fn as_nobody(program: &str, directory: &Path) -> Command {
    let mut command = quiet(program);
    command.current_dir(directory);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

/// Debian keeps the server's programs out of the PATH.
fn postgres_program(name: &str) -> String {
    let places = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = places
        .map(|version| version.path().join("bin").join(name))
        .filter(|program| program.exists())
        .collect();
    found.sort();
    let newest = found.pop().and_then(|path| path.to_str().map(str::to_owned));
    newest.unwrap_or_else(|| name.to_owned())
}

fn eventually(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}
