//! A `redis-server` that a test may do anything to.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_port;
use countersign_redis::{RedisStore, redis};

use super::patient;

pub(crate) struct Server {
    process: Child,
    port: u16,
    directory: PathBuf,
    arguments: Vec<String>,
}

impl Server {
    /// Starts a server with these settings and waits until it answers.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        let directory = format!("countersign-redis-{}-{port}", std::process::id());
        let directory = std::env::temp_dir().join(directory);
        std::fs::create_dir_all(&directory).unwrap();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        let process = run(port, &directory, &arguments);
        let mut server = Self { process, port, directory, arguments };
        server.wait();
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) async fn store(&self) -> RedisStore {
        patient().connect(self.url()).await.unwrap()
    }

    /// Asks the server something, on a connection of its own.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = redis::Client::open(self.url()).unwrap().get_connection().unwrap();
        let mut asked = redis::cmd(command[0]);
        asked.arg(&command[1..]);
        asked.query(&mut connection).unwrap()
    }

    pub(crate) fn tell(&self, command: &[&str]) {
        self.ask::<redis::Value>(command);
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn start_again(&mut self) {
        self.process = run(self.port, &self.directory, &self.arguments);
        self.wait();
    }

    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
    }

    fn wait(&mut self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("redis-server has ended at once ({status}): {:?}", self.arguments);
            }
            assert!(start.elapsed() < Duration::from_secs(60), "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A frozen process dies of this as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn run(port: u16, directory: &PathBuf, arguments: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
        .arg("--dir")
        .arg(directory)
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "these tests start a Redis server, and `redis-server` cannot be run ({error}). \
                 Install it: `apt-get install redis-server`, `brew install redis`"
            )
        })
}
