//! The thread that looks into the files.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::{Fingerprint, SecretFiles};
use crate::endpoint::Endpoint;
use crate::error::{ConfigError, ErrorChain};
use crate::secret::{Secret, SecretError};
use crate::trace;

/// How often it looks at most.
const MOST_OFTEN: Duration = Duration::from_millis(100);

/// How long contents have to stay the same until they are used: longer than a writer pauses that is at work.
const SETTLED: Duration = Duration::from_secs(1);

/// Files whose secrets an endpoint follows: see [`SecretFiles::watch`].
///
/// It stops when it is dropped, without waiting: a look that is being taken then comes to its end. With
/// [`detach`](Self::detach) it goes on for as long as the process lives.
#[must_use = "it stops when it is dropped; `detach` lets it go on"]
pub struct WatchedSecrets {
    watch: Arc<Watch>,
    detached: bool,
}

struct Watch {
    files: SecretFiles,
    endpoint: Endpoint,
    state: Mutex<State>,
    stopping: Mutex<bool>,
    stopped: Condvar,
}

struct State {
    /// The set that the endpoint has.
    known: Option<Fingerprint>,
    /// What is wrong, as it was logged.
    problem: Option<String>,
}

impl WatchedSecrets {
    pub(super) fn start(
        files: SecretFiles,
        endpoint: Endpoint,
        every: Duration,
        known: Option<Fingerprint>,
    ) -> io::Result<Self> {
        let state = Mutex::new(State { known, problem: None });
        let (stopping, stopped) = (Mutex::new(false), Condvar::new());
        let watch = Arc::new(Watch { files, endpoint, state, stopping, stopped });
        let looking = Arc::clone(&watch);
        thread::Builder::new()
            .name("webhook-secrets".to_owned())
            .spawn(move || looking.run(every.max(MOST_OFTEN)))?;
        Ok(Self { watch, detached: false })
    }

    /// Reads the files at once, such as on a signal. It is true if the secrets changed.
    ///
    /// It waits for the files, so in an async program call it where blocking is allowed.
    ///
    /// # Errors
    ///
    /// What keeps the secrets from being used. The last good set stays then. It is also logged, as what
    /// the thread finds.
    pub fn reload_now(&self) -> Result<bool, ReloadError> {
        loop {
            if let Some(changed) = self.watch.look(|secrets, _| Some(secrets))? {
                return Ok(changed);
            }
        }
    }

    /// Lets it go on for as long as the process lives.
    pub fn detach(mut self) {
        self.detached = true;
    }
}

impl Drop for WatchedSecrets {
    fn drop(&mut self) {
        if !self.detached {
            *lock(&self.watch.stopping) = true;
            self.watch.stopped.notify_all();
        }
    }
}

impl Watch {
    fn run(&self, every: Duration) {
        loop {
            // A problem is logged where it is found.
            let _ = self.look(|secrets, print| self.settled(secrets, print));
            if self.is_stopped_within(every) {
                return;
            }
        }
    }

    /// Whether it is stopped by then.
    fn is_stopped_within(&self, time: Duration) -> bool {
        let stopping = lock(&self.stopping);
        let waited = self.stopped.wait_timeout_while(stopping, time, |stopping| !*stopping);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Nothing, while the files still change or cannot be read any more; the next look sees to it.
    fn settled(&self, secrets: Vec<Secret>, print: Fingerprint) -> Option<Vec<Secret>> {
        drop(secrets);
        if self.is_stopped_within(SETTLED) {
            return None;
        }
        let again = self.files.read_now().ok()?;
        (self.files.fingerprint(&again) == print).then_some(again)
    }

    /// Reads the files and uses what changed, if `settled` gives it. It is true if the endpoint has other
    /// secrets now, and nothing if somebody else has given it some in the meantime: what was read here may be
    /// older than those.
    fn look(
        &self,
        settled: impl FnOnce(Vec<Secret>, Fingerprint) -> Option<Vec<Secret>>,
    ) -> Result<Option<bool>, ReloadError> {
        let known = lock(&self.state).known;
        let read = self.files.read_now().map_err(ReloadError::Unreadable);
        let result = read.and_then(|secrets| {
            let print = self.files.fingerprint(&secrets);
            if known == Some(print) {
                return Ok(Some(false));
            }
            let Some(secrets) = settled(secrets, print) else { return Ok(Some(false)) };
            let mut state = lock(&self.state);
            if state.known != known {
                return Ok(None);
            }
            self.endpoint.replace_secrets(secrets).map_err(ReloadError::Unusable)?;
            state.known = Some(print);
            Ok(Some(true))
        });
        self.note(result.as_ref().err());
        result
    }

    /// Logs a problem that was not there at the last look.
    fn note(&self, error: Option<&ReloadError>) {
        let problem = error.map(|error| ErrorChain::of(error).to_string());
        let mut state = lock(&self.state);
        if problem != state.problem {
            if let Some(problem) = &problem {
                trace::secrets_kept(&self.endpoint, problem);
            }
            state.problem = problem;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for WatchedSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedSecrets")
            .field("endpoint", &self.watch.endpoint.name())
            .field("files", &self.watch.files)
            .finish_non_exhaustive()
    }
}

/// Why the last good secrets stay. It never holds any part of a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadError {
    /// A file has no secret, or cannot be read.
    Unreadable(SecretError),
    /// The endpoint cannot use what the files have.
    Unusable(ConfigError),
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(_) => {
                f.write_str("the secrets cannot be read, and the last ones stay")
            }
            Self::Unusable(_) => f.write_str("the secrets cannot be used, and the last ones stay"),
        }
    }
}

impl std::error::Error for ReloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(error) => Some(error),
            Self::Unusable(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn what_was_read_before_somebody_else_was_faster_is_not_used() {
        let path = std::env::temp_dir().join(format!("countersign-look-{}", std::process::id()));
        let write = |secret: &str| std::fs::write(&path, secret).unwrap();
        write("first");
        let files = SecretFiles::new([&path]);
        let github = catalogue::provider("github").unwrap();
        let endpoint = Endpoint::builder("github", github).secrets(files.read().unwrap());
        let endpoint = endpoint.build().unwrap();
        let state = Mutex::new(State { known: None, problem: None });
        let (stopping, stopped) = (Mutex::new(false), Condvar::new());
        let watch = Watch { files: files.clone(), endpoint, state, stopping, stopped };
        write("second");
        let used = watch.look(|second, _| {
            write("third");
            assert_eq!(watch.look(|third, _| Some(third)).unwrap(), Some(true));
            Some(second)
        });
        assert_eq!(used.unwrap(), None);
        let third = files.fingerprint(&files.read_now().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(lock(&watch.state).known == Some(third));
    }
}
