//! A panic as a value, so that a claim can be released before the panic goes on.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

pin_project! {
    /// A call, and then the future that it gave. Panics of both are caught.
    #[project = Projected]
    #[project_replace = Replaced]
    pub(crate) enum CatchUnwind<C, F> {
        Call { call: C },
        Future { #[pin] future: F },
        Over,
    }
}

impl<C: FnOnce() -> F, F: Future> CatchUnwind<C, F> {
    pub(crate) fn new(call: C) -> Self {
        Self::Call { call }
    }

    fn call_and_poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if let Projected::Call { .. } = self.as_mut().project()
            && let Replaced::Call { call } = self.as_mut().project_replace(Self::Over)
        {
            self.set(Self::Future { future: call() });
        }
        match self.project() {
            Projected::Future { future } => future.poll(cx),
            Projected::Call { .. } | Projected::Over => Poll::Pending,
        }
    }
}

impl<C: FnOnce() -> F, F: Future> Future for CatchUnwind<C, F> {
    type Output = Result<F::Output, Box<dyn Any + Send>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // What panicked is not polled again, so what it left half done is not seen.
        match catch_unwind(AssertUnwindSafe(|| self.call_and_poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    }
}
