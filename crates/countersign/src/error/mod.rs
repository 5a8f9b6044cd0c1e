//! What a builder refuses, and how to fix it.

mod chain;
mod messages;

use std::fmt;
use std::time::Duration;

pub use chain::ErrorChain;
pub(crate) use messages::Human;

use crate::rejection::RejectionKind;

/// A mistake in the configuration of a provider or an endpoint. The message names the setting
/// and how to fix it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// An id that no row of the catalogue has.
    UnknownProvider {
        /// The id given.
        id: String,
    },
    /// A row of the catalogue that is there with a feature alone.
    FeatureMissing {
        /// The provider's id.
        provider: &'static str,
        /// The feature of `countersign` that it needs.
        feature: &'static str,
    },
    /// A provider without a proof, such as `hmac_sha256` or `shared_token`.
    NoProof,
    /// Two calls of which only one can hold.
    SetTwice {
        /// The builder method that was called first.
        first: &'static str,
        /// The one that would replace it.
        second: &'static str,
    },
    /// A header name with characters that no header name has.
    InvalidHeaderName {
        /// The builder method.
        field: &'static str,
        /// The name given.
        name: String,
    },
    /// What leads to no field of a JSON body: it is empty or has an empty step, or is a header's
    /// name, a JSON Pointer or JSONPath; or a path that is the 33rd.
    InvalidPath {
        /// The builder method.
        field: &'static str,
        /// The path given.
        path: String,
    },
    /// A time, or a type that every event must have, in the item of an array: a delivery with several
    /// items would be refused.
    ItemOfArray {
        /// The builder method.
        field: &'static str,
        /// The path given.
        path: String,
    },
    /// A path that begins in an array, for a provider that sends none.
    ArrayNotSent {
        /// The builder method.
        field: &'static str,
        /// The path given.
        path: String,
    },
    /// A field of a form whose fields have no boundaries under the MAC.
    FieldOfSortedForm {
        /// The builder method.
        field: &'static str,
        /// The path given.
        path: String,
    },
    /// Bodies that are not JSON, where only the brackets of JSON show where the body ends.
    BodyBesideHead,
    /// A signed content with no body in it, or with several.
    SignedContentBody {
        /// How many it has.
        bodies: usize,
    },
    /// A signed content in which a part ends where the next one begins, with nothing between.
    AmbiguousSignedContent,
    /// Every retry would have a key of its own, and be handled again.
    RetriesLookNew,
    /// A form as the key, where bytes could be moved between it and the URL or a header.
    BodyIsNoKey,
    /// A signed content for a scheme without a MAC.
    SignedContentWithoutMac,
    /// The signed content has a part whose header is not named.
    PartWithoutHeader {
        /// The part.
        part: &'static str,
        /// The builder method that names the header.
        method: &'static str,
    },
    /// A window over a header that the MAC does not cover.
    TimestampNotSigned {
        /// The header.
        header: String,
    },
    /// An id from a header that the MAC does not cover.
    IdNotSigned {
        /// The header.
        header: String,
    },
    /// Headers of which one would be in no family, or in two.
    HeaderOutsideFamily {
        /// The header.
        header: String,
        /// What the names of the usual family begin with.
        prefix: String,
    },
    /// A handshake whose answer has a MAC that could be the signature of a delivery.
    HandshakeWouldSign,
    /// `optional_key_fields` without `key_fields`.
    OnlyOptionalKeyFields,
    /// An endpoint without a name.
    EmptyEndpointName,
    /// An endpoint that accepts no method.
    NoMethod,
    /// A method that no request has.
    InvalidMethod {
        /// The method given.
        method: String,
    },
    /// An endpoint without a secret.
    NoSecret {
        /// The endpoint.
        endpoint: String,
    },
    /// More secrets of one tenant, or of all deliveries, than a look-up may find.
    TooManySecrets {
        /// The endpoint.
        endpoint: String,
        /// How many were found.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// A pattern that names no tenant.
    InvalidTenantPath {
        /// The pattern given.
        pattern: String,
    },
    /// A secret that no delivery can match.
    UnusableSecret {
        /// The endpoint.
        endpoint: String,
        /// Which secret, counted from 1 in the order they were given.
        position: usize,
        /// What this provider's secrets are.
        expected: &'static str,
    },
    /// A secret that may be a public key, which is not secret, or the secret of another proof.
    AmbiguousSecret {
        /// The endpoint.
        endpoint: String,
        /// Which secret, counted from 1 in the order they were given.
        position: usize,
    },
    /// A window for a provider whose deliveries carry no time.
    NoTimeToJudge {
        /// The provider.
        provider: String,
    },
    /// A window that refuses the provider's last genuine retry as stale.
    WindowShorterThanRetries {
        /// The window's tolerance for the past.
        past: Duration,
        /// The time from the first delivery to the last retry.
        retries: Duration,
    },
    /// A window that refuses nothing.
    WindowTooLong {
        /// Which of its two tolerances: `past` or `future`.
        tolerance: &'static str,
        /// The tolerance given.
        given: Duration,
        /// The longest that it may be.
        longest: Duration,
    },
    /// Handled events would be forgotten while a replay of them is still fresh.
    RetentionShorterThanWindow {
        /// The retention.
        retention: Duration,
        /// Past and future tolerance together.
        window: Duration,
    },
    /// Handled events would be forgotten while the provider still retries them.
    RetentionShorterThanRetries {
        /// The retention.
        retention: Duration,
        /// The time from the first delivery to the last retry.
        retries: Duration,
    },
    /// After a crash, every retry would find the crashed handler's lease still running.
    LeaseNotShorterThanRetries {
        /// The lease.
        lease: Duration,
        /// The time from the first delivery to the last retry.
        retries: Duration,
    },
    /// An endpoint of a provider that signs the URL, without the URL that the world sees.
    NoPublicUrl {
        /// The provider.
        provider: String,
    },
    /// A public URL that is more or less than a scheme, a host and a port, with at most a path after them.
    InvalidPublicUrl {
        /// What was given.
        given: String,
    },
    /// A verify token for a provider that asks for none.
    NoVerifyTokenAsked {
        /// The provider.
        provider: String,
    },
    /// A verify token that is one of the endpoint's secrets too.
    VerifyTokenIsSecret {
        /// The endpoint.
        endpoint: String,
        /// Which secret, counted from 1 in the order they were given.
        position: usize,
    },
    /// A lease that may run out before the store has answered.
    LeaseNotLongerThanStoreTimeout {
        /// The lease.
        lease: Duration,
        /// How long a call of the store may take.
        store_timeout: Duration,
    },
    /// Attempts that are counted where equal deliveries are different events.
    CountsWhatIsForgotten,
    /// A setting that must be more than nothing.
    Zero {
        /// The builder method.
        field: &'static str,
    },
    /// A status that would make the provider do the wrong thing.
    UnsuitableStatus {
        /// What it would answer.
        kind: RejectionKind,
        /// The status given.
        status: u16,
    },
}

/// The same sentence: it is what a `main` that returns the error prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
