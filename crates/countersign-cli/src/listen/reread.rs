//! SIGHUP: the secrets of all endpoints are read again, each endpoint for itself.

use std::io;
use std::sync::Arc;

use countersign::Secret;
use serde::Serialize;

use super::Mount;
use crate::log::Log;
use crate::output::Output;

/// What became of one endpoint's secrets, as a line of JSON.
#[derive(Serialize)]
struct Reread<'a> {
    outcome: &'static str,
    endpoint: &'a str,
    provider: &'a str,
    /// Where the secrets are that are valid now.
    secrets: Vec<String>,
    /// Those of them that a running process sees no new value of.
    from_environment: Vec<String>,
    problem: Option<String>,
}

impl<'a> Reread<'a> {
    fn of(mount: &'a Mount) -> Self {
        // An endpoint is replaced by one that was made whole: deliveries that have begun go on with theirs.
        let problem = match mount.make_again() {
            Ok(Some(made)) => {
                mount.replace(made);
                None
            }
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        let current = mount.current();
        let labels = current.secrets.iter().filter_map(Secret::label);
        Self {
            outcome: if problem.is_none() { "secrets_read" } else { "secrets_kept" },
            endpoint: &mount.name,
            provider: &mount.provider,
            secrets: labels.map(str::to_owned).collect(),
            from_environment: mount.fixed_sources(),
            problem,
        }
    }

    /// The line for people. There are only names of sources in it.
    fn said(&self) -> String {
        let name = self.endpoint;
        if let Some(problem) = &self.problem {
            return format!("countersign: {name}: the last good secrets stay: {problem}");
        }
        let mut line =
            format!("countersign: {name}: secrets are read again: {}", self.secrets.join(", "));
        if !self.from_environment.is_empty() {
            line += &format!(
                " ({} cannot change while the program runs: use --env-file or file:PATH)",
                self.from_environment.join(", ")
            );
        }
        line
    }
}

/// Reads the secrets of all endpoints. One that has no good ones keeps its last.
fn all(mounts: &[Arc<Mount>], log: &Log, output: &Output) {
    for mount in mounts {
        let reread = Reread::of(mount);
        log.say(&reread.said());
        output.report_json(&reread);
    }
}

/// SIGHUP, which from here on does not end the program.
pub(super) struct Hangup(#[cfg(unix)] tokio::signal::unix::Signal);

impl Hangup {
    /// Takes the signal. Needs a runtime.
    #[cfg(unix)]
    pub(super) fn take() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(signal(SignalKind::hangup())?))
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self())
    }

    /// Reads the secrets again at each signal, until it is dropped.
    #[cfg(unix)]
    pub(super) async fn reread(mut self, mounts: Vec<Arc<Mount>>, log: Log, output: Output) {
        while self.0.recv().await.is_some() {
            let (mounts, log, output) = (mounts.clone(), log.clone(), output.clone());
            // Files are read.
            let _ = tokio::task::spawn_blocking(move || all(&mounts, &log, &output)).await;
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn reread(self, _: Vec<Arc<Mount>>, _: Log, _: Output) {
        // Referred to, so that it is compiled everywhere.
        let _ = all;
    }
}
