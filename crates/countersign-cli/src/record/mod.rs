//! What is known of one request, for everything that shows it: lines, pages, tests.

mod body;
mod recording;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use countersign::{Delivery, Outcome};

pub(crate) use body::Copied;
pub(crate) use recording::{Recording, Watchers};

/// One request to a listener, and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Record {
    /// In the order in which the heads came, from 1.
    pub number: u64,
    /// When the head was there.
    pub received_at: SystemTime,
    /// The method.
    pub method: Method,
    /// The path and query.
    pub uri: Uri,
    /// All headers, secret ones too. Empty where nobody asked for whole requests.
    pub headers: HeaderMap,
    /// The body, as far as it was read. Empty where nobody asked for whole requests.
    pub body: Bytes,
    /// Whether that is all of the body.
    pub body_is_complete: bool,
    /// The endpoint's name; none if no endpoint has this path.
    pub endpoint: Option<Arc<str>>,
    /// The provider's name.
    pub provider: Option<Arc<str>>,
    /// What became of it.
    pub verdict: Verdict,
    /// The status answered; none while it is worked on, and where the handler gave none.
    pub status: Option<u16>,
    /// The code of why, such as `signature_mismatch`.
    pub reason: Option<&'static str>,
    /// Why, in a sentence.
    pub says: Option<String>,
    /// What is proven, and what headers claim. None for what was refused.
    pub facts: Option<Arc<Facts>>,
    /// From the head to the answer, or to now.
    pub elapsed: Duration,
    /// What the user's program answered.
    pub forwarded: Option<Arc<Forwarded>>,
    /// It was acknowledged and not forwarded, because no pattern matches its type.
    pub unmatched: bool,
    /// The number of the request that this one repeats.
    pub replay_of: Option<u64>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// It is genuine and fresh, and its handler is at work.
    Working,
    /// See [`Outcome::Accepted`].
    Accepted,
    /// See [`Outcome::Duplicate`].
    Duplicate,
    /// See [`Outcome::InFlight`].
    InFlight,
    /// See [`Outcome::Handshake`].
    Handshake,
    /// See [`Outcome::Rejected`].
    Rejected,
    /// See [`Outcome::Failed`].
    Failed,
    /// See [`Outcome::Parked`].
    Parked,
    /// No endpoint has this path.
    NotFound,
}

impl Verdict {
    /// Its name: `working`, `accepted`, `duplicate`, `in_flight`, `handshake`, `rejected`, `failed`,
    /// `parked`, `not_found`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Accepted => Outcome::Accepted.as_str(),
            Self::Duplicate => Outcome::Duplicate.as_str(),
            Self::InFlight => Outcome::InFlight.as_str(),
            Self::Handshake => Outcome::Handshake.as_str(),
            Self::Rejected => Outcome::Rejected.as_str(),
            Self::Failed => Outcome::Failed.as_str(),
            Self::Parked => Outcome::Parked.as_str(),
            Self::NotFound => "not_found",
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Duplicate => Self::Duplicate,
            Outcome::InFlight => Self::InFlight,
            Outcome::Handshake => Self::Handshake,
            Outcome::Failed => Self::Failed,
            Outcome::Parked => Self::Parked,
            // Also what a later version may add: nothing of it was handled.
            _ => Self::Rejected,
        }
    }
}

/// What is known of a genuine delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The event's type.
    pub event: Option<String>,
    /// The provider's id of the event.
    pub id: Option<String>,
    /// The event's key: equal for all deliveries of one event.
    pub key: String,
    /// The event's or the delivery's time.
    pub time: Option<SystemTime>,
    /// The label of the secret that matched.
    pub secret: Option<String>,
    /// The type that headers only claim.
    pub unverified_event: Option<String>,
    /// The id that headers only claim.
    pub unverified_id: Option<String>,
}

impl Facts {
    pub(crate) fn of(delivery: &Delivery) -> Self {
        let claims = delivery.unverified();
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            event: owned(delivery.event_type()),
            id: owned(delivery.id()),
            key: delivery.key().to_string(),
            time: delivery.time().map(SystemTime::from),
            secret: owned(delivery.secret_label()),
            unverified_event: owned(claims.event_type()),
            unverified_id: owned(claims.id()),
        }
    }
}

/// A delivery that was given to the user's program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Forwarded {
    /// Where to.
    pub url: String,
    /// What came back.
    pub answer: ProgramAnswer,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came back from the user's program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ProgramAnswer {
    /// It answered.
    Answered {
        /// The status.
        status: u16,
        /// The headers.
        headers: HeaderMap,
        /// The beginning of the body.
        body: Bytes,
    },
    /// It could not be reached, or closed the connection without an answer. The sentence says why.
    Unreachable(String),
    /// It did not answer within the lease.
    TooLate,
}

/// A sentence for people.
impl fmt::Display for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.answer {
            ProgramAnswer::Answered { status, .. } => {
                write!(f, "Your program at {} answered {status}.", self.url)
            }
            ProgramAnswer::Unreachable(why) => {
                write!(f, "Your program cannot be reached at {}: {why}.", self.url)
            }
            ProgramAnswer::TooLate => {
                write!(f, "Your program at {} did not answer within the lease.", self.url)
            }
        }
    }
}
