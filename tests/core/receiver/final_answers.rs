//! A provider that takes a 4xx as final: the operator learns that the event is lost.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countersign::providers::pakyas;
use countersign::{Answer, MemoryStore, Outcome, Reason, Receiver, Report};

use super::no_deadline;
use crate::support::{NOW_TEXT, endpoint, sign};

type Seen = Vec<(Outcome, Option<Reason>)>;

#[tokio::test]
async fn a_4xx_to_such_a_provider_is_reported_as_final() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let observed = Arc::clone(&seen);
    let receiver = Receiver::builder(endpoint(&pakyas::provider()), MemoryStore::new())
        .observer(move |report: &Report<'_>| {
            observed.lock().unwrap().push((report.outcome, report.reason));
        })
        .build();
    let body = format!(r#"{{"event":"check.up","timestamp":"{NOW_TEXT}"}}"#);
    for (status, reason) in [
        (Some(399), Reason::HandlerStatus),
        (Some(400), Reason::HandlerStatusIsFinal),
        (Some(499), Reason::HandlerStatusIsFinal),
        (Some(500), Reason::HandlerStatus),
        (None, Reason::HandlerStatus),
    ] {
        let arriving = receiver.begin(&sign(&pakyas::provider(), &body)).unwrap();
        let body = Some(Bytes::from(body.clone()));
        let delivery = receiver.receive(arriving, body, no_deadline()).await.unwrap();
        // Released every time: if the provider comes again after all, it is accepted.
        let handler = |_| async move { Answer::new(status, ()) };
        assert_eq!(receiver.clone().handle(delivery, handler).await, Ok(()));
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        assert_eq!(seen, [(Outcome::Failed, Some(reason))], "{status:?}");
    }
}
