//! The Redis and the Postgres that the tests need: those that answer, or throw-away ones.

use std::env;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ports::free_port;
use crate::probe::{self, Answer};
use crate::programs::{self, is_root, program};

/// What to set for the tests, and what to stop after them.
#[derive(Default)]
pub(crate) struct Services {
    pub(crate) variables: Vec<(&'static str, String)>,
    started: Vec<Started>,
}

/// A server of our own, gone when this is, or when this process is, whatever ends it.
struct Started {
    keeper: Child,
    directory: PathBuf,
}

/// Runs a server until the pipe from this process closes. Nothing of ours needs to run for that, so
/// Ctrl-C and `kill -9` leave no server behind. Postgres ends its other processes by itself on
/// SIGINT, without waiting for clients; Redis is content with any signal.
const KEEPER: &str = r#"
directory=$1; shift
"$@" </dev/null & server=$!
read -r _
kill -INT $server 2>/dev/null; waited=0
while kill -0 $server 2>/dev/null && [ $waited -lt 100 ]; do sleep 0.1; waited=$((waited + 1)); done
kill -KILL $server 2>/dev/null
wait $server 2>/dev/null
cd / && rm -rf "$directory"
"#;

/// One of the two.
struct Service {
    name: &'static str,
    variable: &'static str,
    standard: &'static str,
    port: u16,
    probe: fn(host: &str, port: u16) -> Answer,
    start: fn(port: u16, directory: &Path) -> Result<Child, String>,
    url: fn(port: u16) -> String,
}

const REDIS: Service = Service {
    name: "Redis",
    variable: "REDIS_URL",
    standard: "redis://127.0.0.1/",
    port: 6379,
    probe: probe::redis,
    start: start_redis,
    url: |port| format!("redis://127.0.0.1:{port}/"),
};

const POSTGRES: Service = Service {
    name: "Postgres",
    variable: "DATABASE_URL",
    standard: "postgres://postgres@127.0.0.1/test",
    port: 5432,
    probe: probe::postgres,
    start: start_postgres,
    url: |port| format!("postgres://postgres@127.0.0.1:{port}/test"),
};

/// Finds or starts both. An error is a sentence that says what to do.
pub(crate) fn find(install: bool) -> Result<Services, String> {
    programs::require(install)?;
    let mut services = Services::default();
    for service in [REDIS, POSTGRES] {
        let url = service.find(&mut services)?;
        // Not the URL, which may hold a password.
        let (host, port) = probe::host(&url, service.port).unwrap_or_default();
        println!("> {}: {host}:{port}", service.name);
        services.variables.push((service.variable, url));
    }
    Ok(services)
}

impl Service {
    fn find(&self, services: &mut Services) -> Result<String, String> {
        if let Ok(url) = env::var(self.variable) {
            // Another server than the one that was asked for would be a surprise. Whether it lets
            // the tests in depends on the rest of the URL, and the tests will say.
            return match probe::host(&url, self.port) {
                Some((host, port)) if (self.probe)(&host, port) != Answer::Nothing => Ok(url),
                _ => Err(format!(
                    "{} does not lead to a {} server that answers: start it, or unset the variable",
                    self.variable, self.name
                )),
            };
        }
        match (self.probe)("127.0.0.1", self.port) {
            Answer::Open => return Ok(self.standard.to_owned()),
            Answer::Closed => println!(
                "> the {} at 127.0.0.1:{} does not let the tests in as {}; using another",
                self.name, self.port, self.standard
            ),
            Answer::Nothing => {}
        }
        let cannot = |error| format!("cannot start {}: {error}", self.name);
        let port = free_port();
        let directory = env::temp_dir().join(format!("countersign-{}-{port}", self.name));
        std::fs::create_dir_all(&directory).map_err(|error| cannot(error.to_string()))?;
        let keeper = (self.start)(port, &directory).map_err(cannot)?;
        services.started.push(Started { keeper, directory });
        let deadline = Instant::now() + Duration::from_secs(60);
        while (self.probe)("127.0.0.1", port) == Answer::Nothing {
            if Instant::now() > deadline {
                return Err(cannot("it does not answer".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        if self.name == POSTGRES.name {
            create_database(port)?;
        }
        Ok((self.url)(port))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
        // The keeper may not be allowed to remove the directory itself.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn start_redis(port: u16, directory: &Path) -> Result<Child, String> {
    let mut redis = keep("redis-server", directory)?;
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    spawn(redis.args(["--appendonly", "no", "--dir"]).arg(directory))
}

fn start_postgres(port: u16, directory: &Path) -> Result<Child, String> {
    let data = directory.join("data");
    if is_root() {
        chown(directory, Some(NOBODY), Some(NOBODY)).map_err(|error| error.to_string())?;
    }
    let mut initdb = Command::new(program("initdb").ok_or("no initdb")?);
    let made = as_nobody(&mut initdb, directory)
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "-N", "-D"])
        .arg(&data)
        .output()
        .map_err(|error| error.to_string())?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into_owned());
    }
    let mut postgres = keep("postgres", directory)?;
    as_nobody(&mut postgres, directory).arg("-D").arg(&data).arg("-k").arg(directory);
    spawn(postgres.args(["-p", &port.to_string(), "-h", "127.0.0.1"]))
}

fn create_database(port: u16) -> Result<(), String> {
    let mut psql = Command::new(program("psql").ok_or("no psql beside Postgres")?);
    psql.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-U", "postgres", "-qc"]);
    psql.arg("CREATE DATABASE test").stderr(Stdio::null());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !psql.status().is_ok_and(|status| status.success()) {
        if Instant::now() > deadline {
            return Err("cannot create the database `test`".to_owned());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// The program under a keeper, which takes its arguments.
fn keep(name: &str, directory: &Path) -> Result<Command, String> {
    let mut keeper = Command::new("sh");
    keeper.args(["-c", KEEPER, "keeper"]).arg(directory);
    keeper.arg(program(name).ok_or_else(|| format!("no {name}"))?);
    Ok(keeper)
}

fn spawn(command: &mut Command) -> Result<Child, String> {
    let quiet = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a group of its own: Ctrl-C is for us.
    quiet.process_group(0).spawn().map_err(|error| error.to_string())
}

const NOBODY: u32 = 65_534;

/// Postgres refuses to be run by root.
fn as_nobody<'a>(command: &'a mut Command, directory: &Path) -> &'a mut Command {
    command.current_dir(directory);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}
