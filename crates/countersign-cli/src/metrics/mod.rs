//! What the deliveries, the store and the process look like in numbers, in the text format of
//! Prometheus: `--metrics HOST:PORT`.
//!
//! Each listener has a [`Registry`] of its own, so that several in one process do not add up, and none
//! takes the place of a recorder that the process has already.

mod process;
mod registry;
mod server;
mod text;

use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pub(crate) use registry::Registry;
pub(crate) use server::serve;

pin_project! {
    /// Work whose metrics go into a registry.
    pub(crate) struct Measured<F> {
        #[pin]
        work: F,
        registry: Option<Registry>,
    }
}

impl<F> Measured<F> {
    pub(crate) fn new(work: F, registry: Option<Registry>) -> Self {
        Self { work, registry }
    }
}

impl<F: Future> Future for Measured<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.registry {
            Some(registry) => metrics::with_local_recorder(registry, || this.work.poll(cx)),
            None => this.work.poll(cx),
        }
    }
}
