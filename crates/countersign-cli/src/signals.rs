//! Ctrl-C and SIGTERM: the first one stops, the second one ends the process, and so does the time.

use std::io;
use std::process::exit;
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::time::timeout;

/// Comes to its end at the first signal. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<()>);

impl Stop {
    /// Takes the signals from here on. If the process has not ended this long after the first one,
    /// `overdue` is called and the process ended with the exit code that it gives.
    ///
    /// They have a thread and a runtime of their own, so that the second one and the time work
    /// whatever the deliveries wait for: a reader of stdout that does not read, a store that does
    /// not answer.
    pub(crate) fn on_signal(
        patience: Duration,
        overdue: impl FnOnce() -> i32 + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut signals = runtime.block_on(async { Signals::new() })?;
        let (stop, stopped) = watch::channel(());
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                signals.next().await;
                drop(stop);
                let second = timeout(patience, signals.next()).await;
                exit(second.unwrap_or_else(|_| overdue()));
            });
        })?;
        Ok(Self(stopped))
    }

    /// Comes to its end when the sender is dropped.
    pub(crate) fn when_dropped(stopped: watch::Receiver<()>) -> Self {
        Self(stopped)
    }

    pub(crate) async fn stopped(mut self) {
        // Nothing is ever sent: the sender is dropped.
        let _ = self.0.changed().await;
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The next signal, as the exit code that shells give it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> i32 {
        let _ = tokio::signal::ctrl_c().await;
        130
    }
}
