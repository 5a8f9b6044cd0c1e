//! What the sender is answered when a delivery does not reach a handler.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $status:literal $code:literal,)+) => {
        /// Why a delivery was rejected. The status in brackets is the default.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RejectionKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl RejectionKind {
            /// Every kind, in the order in which they are declared.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// The reason code, as in the body of the answer and in the trace.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => $code,)+ }
            }

            /// The status that the sender gets unless the endpoint says otherwise.
            #[must_use]
            pub const fn default_status(self) -> u16 {
                match self { $(Self::$kind => $status,)+ }
            }

            const fn error_body(self) -> &'static str {
                match self { $(Self::$kind => concat!(r#"{"error":""#, $code, r#""}"#),)+ }
            }
        }
    };
}

kinds! {
    /// The request's method is not one that the endpoint accepts (405 with `Allow`). A signature does
    /// not cover the method. Without this, a captured delivery that is sent again with another method
    /// could reach another handler of the same path, whose 2xx would complete the event.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The signature header is not there (401).
    SignatureMissing = 401 "signature_missing",
    /// The signature header is not of the provider's form (401).
    SignatureMalformed = 401 "signature_malformed",
    /// The signature header is there more than once (401).
    SignatureRepeated = 401 "signature_repeated",
    /// No secret makes this signature over this content (401).
    SignatureMismatch = 401 "signature_mismatch",
    /// The header of the shared token is not there (401).
    TokenMissing = 401 "token_missing",
    /// The header of the shared token is not of the provider's form (401).
    TokenMalformed = 401 "token_malformed",
    /// The header of the shared token is there more than once (401).
    TokenRepeated = 401 "token_repeated",
    /// The token is not the endpoint's (401).
    TokenMismatch = 401 "token_mismatch",
    /// The id header of the signed content is missing, repeated or malformed (401).
    IdInvalid = 401 "id_invalid",
    /// A handshake shows another verify token than the endpoint's (403). See
    /// [`EndpointBuilder::verify_token`](crate::EndpointBuilder::verify_token).
    VerifyTokenMismatch = 403 "verify_token_mismatch",
    /// Something else that the signature covers is missing, repeated or malformed: a header, or the
    /// URL (401).
    SignedPartInvalid = 401 "signed_part_invalid",
    /// The time is missing from the signed content (401).
    TimestampMissing = 401 "timestamp_missing",
    /// The time is not in the provider's format, or is there more than once (400).
    TimestampMalformed = 400 "timestamp_malformed",
    /// The delivery is older than the window (401).
    Stale = 401 "timestamp_stale",
    /// The delivery's time is further ahead than the window allows (401).
    InTheFuture = 401 "timestamp_in_the_future",
    /// The body is over the limit, by its declared length or when it arrived (413).
    BodyTooLarge = 413 "body_too_large",
    /// The body broke off (400, or 503 where the provider takes a 4xx as final).
    BodyIncomplete = 400 "body_incomplete",
    /// The body did not arrive in time (408, or 503 where the provider takes a 4xx as final).
    BodyTimeout = 408 "body_timeout",
    /// The body is proven, but is not what the provider sends (400).
    BodyMalformed = 400 "body_malformed",
    /// The event has been handled before (200: the provider must stop retrying).
    Duplicate = 200 "duplicate",
    /// The event was parked: it is not handled, and is kept for an operator (200: the provider must stop
    /// retrying). See [`EndpointBuilder::park`](crate::EndpointBuilder::park).
    Parked = 200 "parked",
    /// Another delivery of the event is being handled (503 with `Retry-After`).
    InFlight = 503 "in_flight",
    /// The store cannot answer (503 with `Retry-After`).
    StoreUnavailable = 503 "store_unavailable",
    /// The store holds as many keys as it may (503 with `Retry-After`).
    StoreFull = 503 "store_full",
    /// The handler completed the event in a transaction of its own, answered 2xx, and had not
    /// committed (500: it must come again).
    NotCommitted = 500 "not_committed",
    /// A 2xx was answered, but nothing had taken the delivery: what answered did not handle the event
    /// (500: it must come again). See [`Delivery::mark_taken`](crate::Delivery::mark_taken).
    NotTaken = 500 "not_taken",
    /// The request has passed a middleware of this kind already (500: it must come again).
    Misconfigured = 500 "misconfigured",
    /// The secrets of the delivery's tenant could not be looked up (503 with `Retry-After`). See
    /// `ResolvedSecrets` (feature `resolver`).
    SecretsUnavailable = 503 "secrets_unavailable",
    /// The process is shutting down (503 with `Retry-After`). See
    /// [`HandlerTasks::drain`](crate::HandlerTasks::drain).
    ShuttingDown = 503 "shutting_down",
}

impl RejectionKind {
    /// The body of the answer: small, generic JSON.
    #[must_use]
    pub const fn body(self) -> &'static str {
        match self {
            // Nothing is wrong with the delivery.
            Self::Duplicate => r#"{"status":"duplicate"}"#,
            Self::Parked => r#"{"status":"parked"}"#,
            _ => self.error_body(),
        }
    }

    /// Whether `status` may answer this kind: duplicates and what is parked must be acknowledged, and
    /// nothing else that was not handled may be.
    pub(crate) const fn allows_status(self, status: u16) -> bool {
        match self {
            Self::Duplicate | Self::Parked => status >= 200 && status < 300,
            _ => status >= 400 && status < 600,
        }
    }
}

/// A delivery that was rejected: its kind, the status to answer, and what to say.
///
/// As a [`Reply`](crate::Reply) it is ready to be sent. It contains no secret and no expected
/// signature. Adapters put it into the extensions of
/// their answer, so that an outer layer can log it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    kind: RejectionKind,
    status: u16,
    retry_after: Option<Duration>,
    allow: Option<Arc<str>>,
    proven: bool,
}

impl Rejection {
    pub(crate) const fn new(kind: RejectionKind, status: u16) -> Self {
        Self { kind, status, retry_after: None, allow: None, proven: false }
    }

    pub(crate) const fn after_proof(mut self) -> Self {
        self.proven = true;
        self
    }

    pub(crate) const fn retry_after_at(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    pub(crate) fn allow_only(mut self, methods: Arc<str>) -> Self {
        self.allow = Some(methods);
        self
    }

    /// Why the delivery was rejected.
    #[must_use]
    pub const fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// Whether the delivery was proven genuine before it was refused. An operator should look at such
    /// a refusal; any other may come from a stranger.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.proven
    }

    /// The HTTP status to answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The reason code: `signature_mismatch`, `in_flight` …
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The body to answer, of content type `application/json`; empty for a status that has none.
    #[must_use]
    pub const fn body(&self) -> &'static str {
        match self.status {
            204 | 205 => "",
            _ => self.kind.body(),
        }
    }

    /// For the `Allow` header: the methods that the endpoint accepts, as in `POST, PUT`. Only for
    /// [`RejectionKind::MethodNotAllowed`].
    #[must_use]
    pub fn allow(&self) -> Option<&str> {
        self.allow.as_deref()
    }

    /// For the `Retry-After` header: whole seconds, at least one.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        let after = self.retry_after?;
        Some(after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0)).max(1))
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook delivery rejected: {}", self.code())
    }
}

impl std::error::Error for Rejection {}
