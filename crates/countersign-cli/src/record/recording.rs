//! A record that is being made.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::request::Parts;
use bytes::Bytes;
use countersign::{Delivery, Outcome, Reason, Report};

use super::{Copied, Facts, Forwarded, ProgramAnswer, Record, Verdict};

/// Why an event that is answered 200 was given to no program.
const UNMATCHED: &str =
    "No pattern of forward-to matches this event, so it is acknowledged and not forwarded.";

type Watcher = dyn Fn(&Arc<Record>) + Send + Sync;

/// Who is told of every record: when its handler begins, when it is answered, and when more of its
/// body is known.
#[derive(Clone, Default)]
pub(crate) struct Watchers {
    each: Vec<Arc<Watcher>>,
    pub(crate) whole_requests: bool,
    numbers: Arc<AtomicU64>,
}

impl Watchers {
    /// Those who want the headers and the body, too.
    pub(crate) fn of_whole_requests() -> Self {
        Self { whole_requests: true, ..Self::default() }
    }

    pub(crate) fn add(&mut self, watcher: impl Fn(&Arc<Record>) + Send + Sync + 'static) {
        self.each.push(Arc::new(watcher));
    }

    /// Numbers go on after this one.
    pub(crate) fn go_on_after(&self, number: u64) {
        self.numbers.fetch_max(number, Ordering::Relaxed);
    }

    fn tell(&self, record: &Arc<Record>) {
        self.each.iter().for_each(|watcher| watcher(record));
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchers")
            .field("whole_requests", &self.whole_requests)
            .finish_non_exhaustive()
    }
}

/// A record that is being made. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Recording(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    watchers: Watchers,
    began: Instant,
    body: Option<Copied>,
    record: Mutex<Record>,
}

impl Recording {
    /// Of a request whose head is there.
    pub(crate) fn new(
        watchers: &Watchers,
        head: &Parts,
        body: Option<Copied>,
        replay_of: Option<u64>,
    ) -> Self {
        let whole = watchers.whole_requests;
        let record = Record {
            number: watchers.numbers.fetch_add(1, Ordering::Relaxed) + 1,
            received_at: SystemTime::now(),
            method: head.method.clone(),
            uri: head.uri.clone(),
            headers: if whole { head.headers.clone() } else { Default::default() },
            body: Default::default(),
            body_is_complete: false,
            endpoint: None,
            provider: None,
            verdict: Verdict::NotFound,
            status: None,
            reason: None,
            says: None,
            facts: None,
            elapsed: Duration::ZERO,
            forwarded: None,
            unmatched: false,
            replay_of,
        };
        let watchers = watchers.clone();
        Self(Arc::new(Shared { watchers, began: Instant::now(), body, record: Mutex::new(record) }))
    }

    /// The request's head was there so long ago.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// It is for this endpoint.
    pub(crate) fn is_for(&self, endpoint: &Arc<str>, provider: &Arc<str>) {
        let mut record = self.lock();
        record.endpoint = Some(Arc::clone(endpoint));
        record.provider = Some(Arc::clone(provider));
    }

    /// No endpoint has its path.
    pub(crate) fn is_not_found(&self, says: String) {
        self.tell(|record| {
            record.verdict = Verdict::NotFound;
            record.status = Some(404);
            record.reason = Some("not_found");
            record.says = Some(says);
        });
    }

    /// It is genuine, and a handler works on it.
    pub(crate) fn is_worked_on(&self, delivery: &Delivery) {
        self.tell(|record| {
            record.verdict = Verdict::Working;
            record.facts = Some(Arc::new(Facts::of(delivery)));
        });
    }

    /// The user's program has answered, or has not.
    pub(crate) fn is_forwarded(&self, forwarded: Forwarded) {
        self.lock().forwarded = Some(Arc::new(forwarded));
    }

    /// No pattern matches its type, so it is acknowledged and not forwarded.
    pub(crate) fn is_unmatched(&self) {
        self.lock().unmatched = true;
    }

    /// The body of the user's program's answer, which came after its status.
    pub(crate) fn has_answer_body(&self, bytes: Bytes) {
        self.tell(|record| {
            let Some(forwarded) = record.forwarded.as_mut().map(Arc::make_mut) else { return };
            if let ProgramAnswer::Answered { body, .. } = &mut forwarded.answer {
                *body = bytes;
            }
        });
    }

    /// The record as it will be if it is answered with this 2xx now.
    pub(crate) fn as_accepted(&self, status: u16) -> Record {
        let elapsed = self.elapsed();
        Record { verdict: Verdict::Accepted, status: Some(status), elapsed, ..self.now() }
    }

    /// The number of the request that this one repeats.
    pub(crate) fn replay_of(&self) -> Option<u64> {
        self.lock().replay_of
    }

    /// What has become of it by now.
    pub(crate) fn verdict(&self) -> Verdict {
        self.lock().verdict
    }

    /// What is known by now.
    pub(crate) fn now(&self) -> Record {
        self.lock().clone()
    }

    /// The same with all of the body that has arrived.
    pub(crate) fn whole(&self) -> Record {
        let mut record = self.now();
        if let Some(body) = &self.0.body {
            (record.body, record.body_is_complete) = body.bytes();
        }
        record
    }

    /// The record once it has come to its end; it is not told yet.
    pub(crate) fn ended(&self, report: &Report<'_>) -> Record {
        let mut record = self.lock();
        record.verdict = report.outcome.into();
        record.status = report.status;
        record.reason = report.reason.map(Reason::as_str);
        let reason = report.reason.map(Reason::describe);
        record.says = match (&record.forwarded, report.outcome) {
            (Some(forwarded), Outcome::Failed) => Some(forwarded.to_string()),
            (Some(forwarded), Outcome::Parked) => {
                Some(format!("{forwarded} {}", reason.unwrap_or_default()))
            }
            _ if record.unmatched => Some(UNMATCHED.to_owned()),
            _ => reason.map(str::to_owned),
        };
        if record.facts.is_none() {
            record.facts = report.delivery.map(|delivery| Arc::new(Facts::of(delivery)));
        }
        record.elapsed = report.elapsed;
        record.clone()
    }

    /// The status that a handler gave which was called by hand, without the middleware.
    pub(crate) fn is_handled_with(&self, status: u16) {
        let accepted = (200..300).contains(&status);
        self.tell(|record| {
            record.verdict = if accepted { Verdict::Accepted } else { Verdict::Failed };
            record.status = Some(status);
            if !accepted {
                record.reason = Some(Reason::HandlerStatus.as_str());
                record.says = Some(match &record.forwarded {
                    Some(forwarded) => forwarded.to_string(),
                    None => Reason::HandlerStatus.describe().to_owned(),
                });
            }
            record.elapsed = self.elapsed();
        });
    }

    /// Tells what is known by now.
    pub(crate) fn publish(&self) {
        self.tell(|_| {});
    }

    /// Reads the rest of a body that was refused by its headers, and tells what was not told of it.
    pub(crate) async fn read_rest(&self) {
        let Some(body) = &self.0.body else { return };
        body.read_rest().await;
        let (bytes, is_complete) = body.bytes();
        let told = self.now();
        if bytes.len() != told.body.len() || is_complete != told.body_is_complete {
            self.publish();
        }
    }

    fn tell(&self, change: impl FnOnce(&mut Record)) {
        let mut record = self.lock();
        change(&mut record);
        if let Some(body) = &self.0.body {
            (record.body, record.body_is_complete) = body.bytes();
        }
        if record.status.is_none() {
            record.elapsed = self.elapsed();
        }
        let record = Arc::new(record.clone());
        self.0.watchers.tell(&record);
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
