//! Why a delivery had the outcome that it had.

use std::fmt;

use crate::rejection::RejectionKind;

/// Why a delivery had its [`Outcome`](crate::Outcome). [`as_str`](Self::as_str) is the reason code that
/// is in the log.
///
/// ```
/// use countersign::{Reason, RejectionKind};
///
/// assert_eq!(Reason::HandlerPanicked.as_str(), "handler_panicked");
/// assert_eq!(Reason::from(RejectionKind::InFlight).as_str(), "in_flight");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The sender was answered this rejection. Its code is the kind's
    /// [`code`](RejectionKind::code).
    Rejected(RejectionKind),
    /// The middleware answered a handshake of this [`code`](crate::Handshake::code).
    Handshake(&'static str),
    /// The handler answered with a status other than 2xx, or failed without one.
    HandlerStatus,
    /// The handler answered 4xx to a provider that does not retry after a 4xx.
    HandlerStatusIsFinal,
    /// The handler panicked.
    HandlerPanicked,
    /// The handler was cancelled before it ended.
    HandlerCancelled,
    /// The handler answered 2xx, but its claim was lost: the lease ran out while the handler ran.
    ClaimLost,
    /// The event is handled, and was recorded as handled only after the answer.
    RecordedLate,
    /// The event is handled, but could not be recorded as handled before the lease ran out.
    NotRecorded,
    /// The store could not say whether the handler's own transaction was committed.
    CommitNotChecked,
}

impl Reason {
    /// The reason code: a [`RejectionKind::code`] or a [`Handshake::code`](crate::Handshake::code), or
    /// `handler_status`, `handler_status_is_final`, `handler_panicked`, `handler_cancelled`,
    /// `claim_lost`, `recorded_late`, `not_recorded`, `commit_not_checked`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected(kind) => kind.code(),
            Self::Handshake(code) => code,
            Self::HandlerStatus => "handler_status",
            Self::HandlerStatusIsFinal => "handler_status_is_final",
            Self::HandlerPanicked => "handler_panicked",
            Self::HandlerCancelled => "handler_cancelled",
            Self::ClaimLost => "claim_lost",
            Self::RecordedLate => "recorded_late",
            Self::NotRecorded => "not_recorded",
            Self::CommitNotChecked => "commit_not_checked",
        }
    }
}

impl Reason {
    /// The reasons that are neither a rejection nor a handshake.
    const OF_HANDLERS: [Self; 8] = [
        Self::HandlerStatus,
        Self::HandlerStatusIsFinal,
        Self::HandlerPanicked,
        Self::HandlerCancelled,
        Self::ClaimLost,
        Self::RecordedLate,
        Self::NotRecorded,
        Self::CommitNotChecked,
    ];

    /// The reason of this [code](Self::as_str), for tools that read what was stored; none for the code of
    /// a handshake, and for one of another version.
    ///
    /// ```
    /// use countersign::{Reason, RejectionKind};
    ///
    /// assert_eq!(Reason::from_code("duplicate"), Some(RejectionKind::Duplicate.into()));
    /// assert_eq!(Reason::from_code("claim_lost"), Some(Reason::ClaimLost));
    /// assert_eq!(Reason::from_code("none of these"), None);
    /// ```
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let rejected = RejectionKind::ALL.iter().copied().map(Self::Rejected);
        rejected.chain(Self::OF_HANDLERS).find(|reason| reason.as_str() == code)
    }
}

impl From<RejectionKind> for Reason {
    fn from(kind: RejectionKind) -> Self {
        Self::Rejected(kind)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
