//! Work that goes on when nobody waits for it any more.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use countersign::Way;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::LocalSet;

/// Work that is polled where it is awaited and, if it is dropped while a handler runs, goes on in a
/// task of the same thread, as work that is not `Send` must. So a sender that hangs up does not cut a
/// handler in half, and one that waits costs no task.
///
/// It goes on only where the runtime has one thread, as actix's workers have. Elsewhere it is
/// dropped: that is a cancelled handler.
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
pub(crate) trait Work<O>: Future<Output = O> {
    /// Nobody waits for it any more.
    fn leave(self: Pin<Box<Self>>);
}

impl<R, N, H> Work<H::Output> for Way<R, N, H>
where
    R: Future + 'static,
    N: FnOnce(R::Output) -> ControlFlow<H::Output, H> + 'static,
    H: Future + 'static,
{
    fn leave(self: Pin<Box<Self>>) {
        if !self.goes_on() {
            return;
        }
        // `spawn_local` panics where there are no local tasks, it cannot be asked beforehand, and a
        // program may be built to end at a panic. So the work gets local tasks of its own, and a
        // task that may be started anywhere polls them.
        let Ok(runtime) = Handle::try_current() else { return };
        if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return;
        }
        let local = LocalSet::new();
        drop(local.spawn_local(self));
        if let Some(left) = Left::keep(local) {
            drop(runtime.spawn(left));
        }
    }
}

thread_local! {
    /// What nobody waits for any more on this thread, by number.
    static LEFT: RefCell<HashMap<u64, LocalSet>> = RefCell::default();
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// Polls work of the thread that it was made on, and drops it with itself.
struct Left(u64);

impl Left {
    fn keep(local: LocalSet) -> Option<Self> {
        let number = NUMBER.try_with(|number| number.replace(number.get().wrapping_add(1))).ok()?;
        put(number, local);
        Some(Self(number))
    }
}

impl Future for Left {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Nothing is borrowed while the work is polled: it may be dropped, or leave work itself.
        let Some(mut local) = take(self.0) else { return Poll::Ready(()) };
        let poll = Pin::new(&mut local).poll(cx);
        if poll.is_pending() {
            put(self.0, local);
        }
        poll
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        drop(take(self.0));
    }
}

fn put(number: u64, local: LocalSet) {
    // A thread that is ending keeps nothing: the work is dropped.
    drop(LEFT.try_with(|left| left.borrow_mut().insert(number, local)));
}

fn take(number: u64) -> Option<LocalSet> {
    LEFT.try_with(|left| left.borrow_mut().remove(&number)).ok().flatten()
}
