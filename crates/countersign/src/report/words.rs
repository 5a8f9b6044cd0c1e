//! Reasons in words, for people.

use super::Reason;
use crate::rejection::RejectionKind;

impl Reason {
    /// Why, in a sentence for people: what a terminal, a page or a message shows beside the
    /// [code](Self::as_str).
    ///
    /// ```
    /// use countersign::{Reason, RejectionKind};
    ///
    /// let reason = Reason::from(RejectionKind::Stale);
    /// assert_eq!(reason.describe(), "The delivery is older than the window allows.");
    /// ```
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Rejected(kind) => kind.describe(),
            Self::Handshake(_) => {
                "The provider asked whether this is the right endpoint, and was answered."
            }
            Self::HandlerStatus => "The handler did not answer 2xx.",
            Self::HandlerStatusIsFinal => {
                "The handler answered 4xx, and this provider does not retry after that."
            }
            Self::HandlerPanicked => "The handler panicked.",
            Self::HandlerCancelled => "The handler was cancelled before it ended.",
            Self::ClaimLost => "The event is handled, but its lease ended before that.",
            Self::RecordedLate => "The event is handled; that was recorded after the answer.",
            Self::NotRecorded => "The event is handled, but the store could not record it.",
            Self::CommitNotChecked => {
                "The store could not say whether the handler's transaction was committed."
            }
        }
    }
}

impl RejectionKind {
    /// Why, in a sentence for people. See [`Reason::describe`].
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "The endpoint does not accept this method.",
            Self::SignatureMissing => "The header of the signature is missing.",
            Self::SignatureMalformed => {
                "The header of the signature does not have the provider's form."
            }
            Self::SignatureRepeated => "The header of the signature is there more than once.",
            Self::SignatureMismatch => {
                "No secret of the endpoint makes this signature over this content."
            }
            Self::TokenMissing => "The header of the token is missing.",
            Self::TokenMalformed => "The header of the token does not have the provider's form.",
            Self::TokenRepeated => "The header of the token is there more than once.",
            Self::TokenMismatch => "The token is not the endpoint's.",
            Self::IdInvalid => "The header of the id is missing, repeated or malformed.",
            Self::VerifyTokenMismatch => "The verify token is not the endpoint's.",
            Self::SignedPartInvalid => {
                "A part that the signature covers is missing, repeated or malformed."
            }
            Self::TimestampMissing => "The signed time is missing.",
            Self::TimestampMalformed => "The signed time does not have the provider's form.",
            Self::Stale => "The delivery is older than the window allows.",
            Self::InTheFuture => "The delivery's time is further ahead than the window allows.",
            Self::BodyTooLarge => "The body is larger than the endpoint accepts.",
            Self::BodyIncomplete => "The sender went away before the body was complete.",
            Self::BodyTimeout => "The body did not arrive in time.",
            Self::BodyMalformed => "The body is genuine, but is not what the provider sends.",
            Self::Duplicate => "The event was handled before.",
            Self::Parked => "The event is parked: it failed too often, and an operator decides.",
            Self::InFlight => "Another delivery of the event is being handled.",
            Self::StoreUnavailable => "The store cannot answer.",
            Self::StoreFull => "The store holds as many keys as it may.",
            Self::NotCommitted => {
                "The handler answered 2xx, but its transaction was not committed."
            }
            Self::NotTaken => "2xx was answered, but no handler took the delivery.",
            Self::Misconfigured => "The request has passed a middleware of this kind already.",
            Self::SecretsUnavailable => "The secrets could not be looked up.",
            Self::ShuttingDown => "The process is shutting down.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_sentence_of_its_own() {
        let mut sentences: Vec<_> = RejectionKind::ALL.iter().map(|kind| kind.describe()).collect();
        assert!(sentences.iter().all(|says| says.ends_with('.') && says.len() < 80));
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), RejectionKind::ALL.len());
    }
}
