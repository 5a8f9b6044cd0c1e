//! Work that goes on when nobody waits for it any more.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Work that is polled where it is awaited and, if it is dropped before its end, goes on in a task
/// of the same thread, as work that is not `Send` must. So a sender that hangs up does not cut a
/// handler in half, and one that waits costs no task.
pub(crate) struct Outliving<F: Future + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + 'static> Outliving<F> {
    pub(crate) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future + 'static> Future for Outliving<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Taken out, so that work that panics or has come to its end is not polled again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let poll = work.as_mut().poll(cx);
        if poll.is_pending() {
            self.0 = Some(work);
        }
        poll
    }
}

impl<F: Future + 'static> Drop for Outliving<F> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            // A thread that runs no local tasks, in a test perhaps, makes this panic and drops the
            // work: that is a cancelled handler, and no reason to bring the thread down.
            let spawned = catch_unwind(AssertUnwindSafe(|| actix_web::rt::spawn(work)));
            drop(spawned);
        }
    }
}
