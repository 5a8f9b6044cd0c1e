//! A request's two parts, as an adapter runs them.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

pin_project! {
    /// For adapters: first the part that ends with its request, [`Receiver::receive`], and then
    /// [`Receiver::handle`], which may outlive it. Both are in one place, one after the other, because
    /// what a delivery costs grows with how large its future is.
    ///
    /// `R` is the first part, `N` makes of its output the second, `H`, or the answer where there is nothing to handle.
    ///
    /// [`Receiver::receive`]: crate::Receiver::receive
    /// [`Receiver::handle`]: crate::Receiver::handle
    pub struct Way<R, N, H> {
        #[pin]
        part: Part<R, N, H>,
        outlives: bool,
    }
}

pin_project! {
    #[project = Projected]
    enum Part<R, N, H> {
        Receiving { #[pin] receiving: R, next: Option<N> },
        Handling { #[pin] handling: H },
    }
}

impl<R, N, H> Way<R, N, H>
where
    R: Future,
    N: FnOnce(R::Output) -> ControlFlow<H::Output, H>,
    H: Future,
{
    /// Starts with the first part. With `outlives`, the second is to go on where the request ends.
    pub fn new(receiving: R, outlives: bool, next: N) -> Self {
        Self { part: Part::Receiving { receiving, next: Some(next) }, outlives }
    }

    /// Whether this is to go on, in a task of its own, when nobody waits for it any more.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.outlives && matches!(self.part, Part::Handling { .. })
    }
}

impl<R, N, H> Future for Way<R, N, H>
where
    R: Future,
    N: FnOnce(R::Output) -> ControlFlow<H::Output, H>,
    H: Future,
{
    type Output = H::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<H::Output> {
        let mut part = self.project().part;
        if let Projected::Receiving { receiving, next } = part.as_mut().project() {
            let received = ready!(receiving.poll(cx));
            let Some(next) = next.take() else { return Poll::Pending };
            match next(received) {
                ControlFlow::Continue(handling) => part.set(Part::Handling { handling }),
                ControlFlow::Break(answer) => return Poll::Ready(answer),
            }
        }
        match part.project() {
            Projected::Handling { handling } => handling.poll(cx),
            Projected::Receiving { .. } => Poll::Pending,
        }
    }
}

impl<R, N, H> fmt::Debug for Way<R, N, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("outlives", &self.outlives).finish_non_exhaustive()
    }
}
