//! Work that goes on when nobody waits for it any more.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use countersign::Way;
use tokio::runtime::Handle;

/// Work that is polled where it is awaited and, if it is dropped while a handler runs, goes on in a
/// task of its own. So a sender that hangs up does not cut a handler in half, and one that waits costs
/// no task.
pub(crate) struct Outliving<O>(Option<Pin<Box<dyn Work<O>>>>);

impl<O> Outliving<O> {
    pub(crate) fn new(work: impl Work<O> + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<O> Future for Outliving<O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O> {
        // Taken out, so that work that panics or has come to its end is not polled again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let poll = work.as_mut().poll(cx);
        if poll.is_pending() {
            self.0 = Some(work);
        }
        poll
    }
}

impl<O> Drop for Outliving<O> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work.leave();
        }
    }
}

/// What an [`Outliving`] can do.
pub(crate) trait Work<O>: Future<Output = O> + Send {
    /// Nobody waits for it any more.
    fn leave(self: Pin<Box<Self>>);
}

impl<R, N, H> Work<H::Output> for Way<R, N, H>
where
    R: Future + Send + 'static,
    N: FnOnce(R::Output) -> ControlFlow<H::Output, H> + Send + 'static,
    H: Future<Output: Send> + Send + 'static,
{
    fn leave(self: Pin<Box<Self>>) {
        // Without a runtime the process is ending, and the work with it.
        if self.goes_on()
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(self));
        }
    }
}
