//! Deliveries that do not reach a handler: reported once, and the store is not asked.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use countersign::providers::hostwares;
use countersign::{
    BodyError, BodySource, MemoryStore, Outcome, Reason, Receiver, RejectionKind, Reply, Report,
};

use super::commanded::Commanded;
use super::{Bench, TOKIO, body, no_deadline};
use crate::support::{Pairs, build, sign};

/// A body that arrives in pieces, with a wait before each.
struct Pieces {
    pieces: VecDeque<Result<Bytes, BodyError>>,
    waited: bool,
    polls: usize,
}

impl Pieces {
    fn new(pieces: impl IntoIterator<Item = Result<Bytes, BodyError>>) -> Self {
        Self { pieces: pieces.into_iter().collect(), waited: false, polls: 0 }
    }
}

impl BodySource for &mut Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.polls += 1;
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.pieces.pop_front())
    }
}

fn bench() -> (Bench<Commanded>, Commanded) {
    let store = Commanded::new();
    (Bench::with(store.clone(), |receiver| receiver.runtime(TOKIO)), store)
}

/// Checks a refusal and its one report.
#[track_caller]
fn assert_refused(bench: &Bench<Commanded>, reply: &Reply, kind: RejectionKind, proven: bool) {
    let rejection = reply.rejection().unwrap();
    assert_eq!((rejection.kind(), rejection.is_proven()), (kind, proven));
    let report = (Outcome::Rejected, Some(rejection.status()), Some(Reason::Rejected(kind)));
    assert_eq!(bench.seen(), [report]);
}

#[tokio::test]
async fn an_unsigned_delivery_is_refused_by_its_head() {
    let (bench, store) = bench();
    let none: Pairs = Vec::new();
    let rejection = bench.receiver.begin(&none).unwrap_err();
    assert!(bench.seen.lock().unwrap().iter().all(|seen| seen.key.is_none()));
    assert_refused(&bench, &rejection, RejectionKind::SignatureMissing, false);
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let (bench, store) = bench();
    let body = body(1);
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), &body)).unwrap();
    let mut pieces =
        Pieces::new(body.as_bytes().chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))));
    let delivery = bench.receiver.receive(arriving, &mut pieces, no_deadline()).await.unwrap();
    assert_eq!(delivery.body(), body.as_bytes());
    assert!(bench.seen().is_empty());
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_forged_body_is_refused_after_its_last_piece() {
    let (bench, store) = bench();
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), body(1))).unwrap();
    let rejection =
        bench.receiver.receive(arriving, Some(body(2).into()), no_deadline()).await.unwrap_err();
    assert_refused(&bench, &rejection, RejectionKind::SignatureMismatch, false);
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_genuine_body_of_the_wrong_form_is_refused_as_proven() {
    let (bench, _) = bench();
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), "[]")).unwrap();
    let rejection =
        bench.receiver.receive(arriving, Some("[]".into()), no_deadline()).await.unwrap_err();
    assert_refused(&bench, &rejection, RejectionKind::BodyMalformed, true);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    for (error, kind) in [
        (BodyError::Broken, RejectionKind::BodyIncomplete),
        (BodyError::TooLarge, RejectionKind::BodyTooLarge),
    ] {
        let (bench, _) = bench();
        let body = body(1);
        let arriving = bench.receiver.begin(&sign(&hostwares::provider(), &body)).unwrap();
        // All of it is there, and yet its end is not.
        let mut pieces = Pieces::new([Ok(body.into()), Err(error)]);
        let rejection =
            bench.receiver.receive(arriving, &mut pieces, no_deadline()).await.unwrap_err();
        assert_refused(&bench, &rejection, kind, false);
    }
}

#[tokio::test]
async fn a_body_without_end_is_read_to_the_limit_and_no_further() {
    let (bench, _) = bench();
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), "")).unwrap();
    let piece = Bytes::from(vec![b'x'; 1 << 16]);
    let mut pieces = Pieces::new(std::iter::repeat_n(Ok(piece), 1000));
    let rejection = bench.receiver.receive(arriving, &mut pieces, no_deadline()).await.unwrap_err();
    assert_refused(&bench, &rejection, RejectionKind::BodyTooLarge, false);
    // 16 pieces are the limit of 1 MiB; the 17th is over it.
    assert_eq!((pieces.pieces.len(), pieces.polls), (1000 - 17, 34));
}

/// A body of which nothing comes.
struct Silence;

impl BodySource for Silence {
    fn poll_chunk(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Pending
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_given_up() {
    let (bench, store) = bench();
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), body(1))).unwrap();
    let wait = Duration::from_millis(20);
    let work = bench.receiver.receive(arriving, Silence, tokio::time::sleep(wait));
    let result = tokio::time::timeout(Duration::from_secs(10), work).await.expect("no deadline");
    let rejection = result.unwrap_err();
    assert_eq!(
        (rejection.status(), &*rejection.body()),
        (408, &br#"{"error":"body_timeout"}"#[..])
    );
    let elapsed = bench.seen.lock().unwrap()[0].elapsed;
    assert!(elapsed >= wait, "{elapsed:?}");
    assert_refused(&bench, &rejection, RejectionKind::BodyTimeout, false);
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_body_that_is_there_is_not_late() {
    let (bench, _) = bench();
    let body = body(1);
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), &body)).unwrap();
    let over = std::future::ready(());
    let delivery = bench.receiver.receive(arriving, Some(Bytes::from(body)), over).await;
    assert!(delivery.is_ok());
    assert!(bench.seen().is_empty());
}

#[tokio::test]
async fn a_sender_that_goes_away_before_its_body_is_there_is_reported() {
    let (bench, store) = bench();
    let arriving = bench.receiver.begin(&sign(&hostwares::provider(), body(1))).unwrap();
    {
        let mut work = pin!(bench.receiver.receive(arriving, Silence, no_deadline()));
        assert!(work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(bench.seen().is_empty());
    }
    assert_eq!(
        bench.seen(),
        [(Outcome::Rejected, Some(400), Some(Reason::Rejected(RejectionKind::BodyIncomplete)))]
    );
    assert_eq!(store.calls(), [""; 0]);
}

#[test]
fn a_panicking_observer_changes_nothing() {
    let endpoint = build(&hostwares::provider(), |endpoint| endpoint);
    let receiver = Receiver::builder(endpoint, MemoryStore::new())
        .observer(|_: &Report<'_>| panic!("the observer's own bug, on purpose"))
        .build();
    let unsigned: [(&str, &str); 0] = [];
    let rejection = receiver.begin(&unsigned).unwrap_err().into_rejection().unwrap();
    assert_eq!(rejection.kind(), RejectionKind::SignatureMissing);
}
