//! The programs that the tests start, and the Debian packages that have them.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program, and its package. Some tests kill or freeze servers of their own, so a server that
/// answers is not enough.
const NEEDED: &[(&str, &str)] = &[
    ("redis-server", "redis-server"),
    ("initdb", "postgresql"),
    ("postgres", "postgresql"),
    ("psql", "postgresql-client"),
    ("pg_isready", "postgresql-client"),
    ("pgbouncer", "pgbouncer"),
    ("pkill", "procps"),
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("nats-server", "nats-server"),
    ("jq", "jq"),
    ("nginx", "nginx-light"),
    ("caddy", "caddy"),
];

/// Sees to it that all are here. Installs only where that was asked for.
pub(crate) fn require(install: bool) -> Result<(), String> {
    require_all(NEEDED, install, "cargo xtask test --install")
}

/// The same of these programs; `how` is the command that installs them.
pub(crate) fn require_all(
    needed: &[(&'static str, &'static str)],
    install: bool,
    how: &str,
) -> Result<(), String> {
    let (programs, packages) = missing(needed);
    if programs.is_empty() {
        return Ok(());
    }
    let (programs, listed) = (programs.join(", "), packages.join(" "));
    if !install {
        return Err(format!(
            "{programs} not found here: install Debian's {listed}, or run `{how}`, which does it"
        ));
    }
    if !is_root() {
        return Err(format!("only root can install: run `apt-get install {listed}` as root"));
    }
    println!("> not found here: {programs}; installing {listed}");
    apt(&["update", "-q"])?;
    let options = ["install", "-qy", "--no-install-recommends"];
    apt(&[&options[..], &packages[..]].concat())?;
    match missing(needed) {
        (programs, _) if programs.is_empty() => Ok(()),
        (programs, _) => Err(format!("installed {listed}, and still miss {}", programs.join(", "))),
    }
}

fn missing(needed: &[(&'static str, &'static str)]) -> (Vec<&'static str>, Vec<&'static str>) {
    let missing = needed.iter().filter(|(name, _)| program(name).is_none());
    let (programs, mut packages): (Vec<_>, Vec<_>) = missing.copied().unzip();
    packages.dedup();
    (programs, packages)
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).stdout(Stdio::null());
    match apt.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("apt-get {}: {status}", arguments.join(" "))),
        Err(error) => Err(format!("cannot run apt-get: {error}")),
    }
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}

/// A program, where the PATH has it or where Debian keeps those of Postgres: the newest.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    // By the number: 15 is newer than 9.6.
    debian.sort_by_key(|bin| {
        bin.iter()
            .rev()
            .nth(1)
            .and_then(|version| version.to_str()?.split('.').next()?.parse::<u32>().ok())
    });
    let path = env::var_os("PATH").unwrap_or_default();
    let places = debian.into_iter().rev().chain(env::split_paths(&path));
    // Where Debian has some, and not every PATH.
    let places = places.chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(name)).find(|program| program.is_file())
}
