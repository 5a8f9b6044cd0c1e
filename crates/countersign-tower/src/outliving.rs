//! Work that goes on when nobody waits for it any more.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
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

pin_project! {
    /// First the part that ends with its request, and then the handler, which that part makes. Both are
    /// in one place, one after the other: what a delivery costs grows with how large its future is.
    #[project = Projected]
    pub(crate) enum Way<R, H> {
        /// The body arrives and is proven.
        Receiving { #[pin] work: R, outlives: bool },
        /// The handler runs.
        Handling { #[pin] work: H, outlives: bool },
    }
}

impl<R, H> Way<R, H> {
    /// If it `outlives` its request, its handler does not end where the request does.
    pub(crate) fn new(work: R, outlives: bool) -> Self {
        Self::Receiving { work, outlives }
    }
}

impl<R, H> Future for Way<R, H>
where
    R: Future<Output = Result<H, H::Output>>,
    H: Future,
{
    type Output = H::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        let next = match self.as_mut().project() {
            Projected::Handling { work, .. } => return work.poll(cx),
            Projected::Receiving { work, outlives } => match ready!(work.poll(cx)) {
                Ok(work) => Self::Handling { work, outlives: *outlives },
                Err(answer) => return Poll::Ready(answer),
            },
        };
        self.set(next);
        match self.project() {
            Projected::Handling { work, .. } => work.poll(cx),
            Projected::Receiving { .. } => Poll::Pending,
        }
    }
}

impl<R, H> Work<H::Output> for Way<R, H>
where
    R: Future<Output = Result<H, H::Output>> + Send + 'static,
    H: Future<Output: Send> + Send + 'static,
{
    fn leave(self: Pin<Box<Self>>) {
        // Without a runtime the process is ending, and the work with it.
        if let Self::Handling { outlives: true, .. } = &*self
            && let Ok(runtime) = Handle::try_current()
        {
            drop(runtime.spawn(self));
        }
    }
}
