//! Ctrl-C and SIGTERM: the first one stops, the second one ends the process.

use std::io;
use std::process::exit;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::watch;

/// Comes to its end at the first signal. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<()>);

impl Stop {
    /// Takes the signals from here on.
    ///
    /// They have a thread and a runtime of their own, so that the second one works whatever the
    /// deliveries wait for, such as a reader of stdout that does not read.
    pub(crate) fn on_signal() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().build()?;
        let mut signals = runtime.block_on(async { Signals::new() })?;
        let (stop, stopped) = watch::channel(());
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async move {
                signals.next().await;
                drop(stop);
                exit(signals.next().await);
            });
        })?;
        Ok(Self(stopped))
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
