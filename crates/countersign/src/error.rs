//! What a builder refuses, and what to do about it.

use std::fmt;
use std::time::Duration;

use crate::rejection::RejectionKind;

/// A mistake in the configuration of a provider or an endpoint. The message names the setting
/// and how to fix it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A provider without `hmac_sha256` or `shared_token`.
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
    /// A secret that no delivery can match.
    UnusableSecret {
        /// The endpoint.
        endpoint: String,
        /// Which secret, counted from 1 in the order they were given.
        position: usize,
        /// What this provider's secrets are.
        expected: &'static str,
    },
    /// A secret that may be a public key, which everybody knows, or the secret of another proof.
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
    /// What is not a URL's scheme, host and port, with at most a path after them.
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

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProof => {
                f.write_str("the provider has no proof: call `hmac_sha256` or `shared_token`")
            }
            Self::SetTwice { first, second } if first == second => {
                write!(f, "`{first}` is called twice, and only one call can hold: call it once")
            }
            Self::SetTwice { first, second } => {
                write!(
                    f,
                    "`{first}` and `{second}` are both called, and only one can hold: call one"
                )
            }
            Self::InvalidHeaderName { field, name } => {
                write!(f, "`{field}`: {name:?} is no header name; use letters, digits and `-`")
            }
            Self::InvalidPath { field, path } => write!(
                f,
                "`{field}`: {path:?} is not a path to a field of the JSON body; a path is the \
                 names of fields with dots between them (`incident.id`), not a header's name, and \
                 without `/`, `[0]`, `*` and `$`; a provider has 32 paths at most"
            ),
            Self::SignedContentBody { bodies } => {
                write!(f, "`signed_content` has {bodies} × `Part::Body`; it needs exactly one")
            }
            Self::AmbiguousSignedContent => f.write_str(
                "`signed_content`: two parts stand side by side with no `Part::literal` between \
                 them, so the same bytes could be cut elsewhere under the same MAC; an id needs a \
                 literal at each side that it has a neighbour on, and a time needs one or a fixed \
                 `Timestamp::format`",
            ),
            Self::RetriesLookNew => f.write_str(
                "`retries`: the provider signs every retry with a time of its own and the key is \
                 the signed content, so a retry would look like a new event; name `event_id` or \
                 `key_fields`, or say `key_by_body`",
            ),
            Self::BodyIsNoKey => f.write_str(
                "`key_by_body`: the form stands beside the URL or a header in `signed_content`, so the \
                 same signature is right for another form, and a replay would be another event; leave \
                 `key_by_body` out, and events are keyed by their signed content"
            ),
            Self::SignedContentWithoutMac => f.write_str(
                "`signed_content` belongs to `hmac_sha256`; a shared token signs nothing",
            ),
            Self::PartWithoutHeader { part, method } => {
                write!(
                    f,
                    "`signed_content` has `{part}` but no header is named for it: call `{method}`"
                )
            }
            Self::TimestampNotSigned { header } => write!(
                f,
                "`timestamp`: the header `{header}` is not under the MAC, so anyone can move it; \
                 add `Part::Timestamp` to `signed_content`, or judge a time in the body, or say \
                 `unsigned_timestamp` if you want a window that stops no attacker"
            ),
            Self::IdNotSigned { header } => write!(
                f,
                "`event_id_header`: the header `{header}` is not under the MAC, so a replayer can \
                 mint new ids; add `Part::Id` to `signed_content`, or use `event_id`, or leave it \
                 out and events are keyed by their signed content"
            ),
            Self::HeaderOutsideFamily { header, prefix } => write!(
                f,
                "`or_header_prefix`: the header `{header}` cannot be told apart by families: the \
                 name of every header of the provider must begin with `{prefix}`, have another name \
                 in each family, and not be that of a shared token"
            ),
            Self::OnlyOptionalKeyFields => f.write_str(
                "`optional_key_fields` alone make no key: name the fields that every event has \
                 with `key_fields`",
            ),
            Self::EmptyEndpointName => f.write_str(
                "the endpoint's name is empty: give every endpoint that shares a store a name of \
                 its own",
            ),
            Self::NoMethod => f.write_str(
                "`methods`: the list is empty, so no delivery would be accepted; name a method, or \
                 leave the call out to accept `POST`",
            ),
            Self::InvalidMethod { method } => write!(
                f,
                "`methods`: {method:?} is not a method; write it in capital letters, such as `POST`"
            ),
            Self::NoSecret { endpoint } => {
                write!(f, "endpoint `{endpoint}` has no secret: call `secret`")
            }
            Self::UnusableSecret { endpoint, position, expected } => write!(
                f,
                "endpoint `{endpoint}`: no delivery can match secret {position}: this provider's \
                 secrets are {expected}"
            ),
            Self::AmbiguousSecret { endpoint, position } => write!(
                f,
                "endpoint `{endpoint}`: secret {position} may be a public key, which everybody knows, or \
                 the secret of another proof of this provider; say which with \
                 `Secret::as_public_key` or `Secret::as_shared_secret`, or give the public key as PEM"
            ),
            Self::NoTimeToJudge { provider } => write!(
                f,
                "`window`: deliveries of `{provider}` carry no time to hold against it; leave it \
                 out, or name the time with `ProviderBuilder::timestamp`"
            ),
            Self::WindowShorterThanRetries { past, retries } => {
                let (past, retries) = (Human(*past), Human(*retries));
                write!(
                    f,
                    "`window`: {past} into the past is shorter than the provider's retry schedule of \
                 {retries}, and the time stays the same across retries, so late retries would be \
                 refused as stale; make it at least {retries}"
                )
            }
            Self::WindowTooLong { tolerance, given, longest } => {
                let (given, longest) = (Human(*given), Human(*longest));
                write!(
                    f,
                    "`window`: {given} into the {tolerance} refuses no replay, and every event would \
                 be remembered for as long; make it {longest} at most, or leave `window` out for the \
                 provider's default"
                )
            }
            Self::RetentionShorterThanWindow { retention, window } => {
                let (retention, window) = (Human(*retention), Human(*window));
                write!(
                    f,
                    "`retention`: {retention} is shorter than the window of {window} (past and \
                 future), so a replay could be fresh and forgotten; make it at least {window}"
                )
            }
            Self::RetentionShorterThanRetries { retention, retries } => {
                let (retention, retries) = (Human(*retention), Human(*retries));
                write!(
                    f,
                    "`retention`: {retention} is shorter than the provider's retry schedule of \
                 {retries}, so a late retry would be handled again; make it at least {retries}"
                )
            }
            Self::LeaseNotShorterThanRetries { lease, retries } => {
                let (lease, retries) = (Human(*lease), Human(*retries));
                write!(
                    f,
                    "`lease`: {lease} is not shorter than the provider's retry schedule of \
                 {retries}, so an event whose handler crashed would have no retry left; make it \
                 less than {retries}"
                )
            }
            Self::HandshakeWouldSign => f.write_str(
                "`handshake`: the MAC in the answer could be the signature of a delivery, so a \
                 handshake could be used to forge one; this handshake needs `hmac_sha256` alone and a \
                 `signed_content` that begins with a literal",
            ),
            Self::NoVerifyTokenAsked { provider } => write!(
                f,
                "`verify_token` is set, and {provider} has no handshake that shows one; remove it, or \
                 add `Handshake::echo_query_for_token` to the provider"
            ),
            Self::VerifyTokenIsSecret { endpoint, position } => write!(
                f,
                "endpoint `{endpoint}`: `verify_token` is secret {position}: the token comes in a URL, \
                 which access logs show, and whoever reads it there could sign deliveries; choose \
                 another token in the provider's console and here"
            ),
            Self::NoPublicUrl { provider } => write!(
                f,
                "`public_url` is not set, and {provider} signs the URL of a delivery; set it to the \
                 scheme and host that {provider} sends to, such as `https://hooks.example.test`"
            ),
            Self::InvalidPublicUrl { given } => write!(
                f,
                "`public_url`: {given:?} is not a URL's scheme and host; write it as in \
                 `https://hooks.example.test`, with a path only if a proxy removes that path"
            ),
            Self::LeaseNotLongerThanStoreTimeout { lease, store_timeout } => {
                let (lease, timeout) = (Human(*lease), Human(*store_timeout));
                write!(
                    f,
                    "`lease`: {lease} is not longer than the `store_timeout` of {timeout}, so it \
                     could run out before the store has answered; make it more than {timeout}, or \
                     the `store_timeout` less than {lease}"
                )
            }
            Self::Zero { field } => write!(f, "`{field}` is zero; give it a value above"),
            Self::UnsuitableStatus { kind: RejectionKind::Duplicate, status } => write!(
                f,
                "`answer`: a duplicate cannot be answered {status}: the provider stops retrying \
                 on a 2xx only"
            ),
            Self::UnsuitableStatus { kind, status } => write!(
                f,
                "`answer`: `{}` cannot be answered {status}: what was not handled needs a 4xx or \
                 5xx, or the provider takes it as handled",
                kind.code()
            ),
        }
    }
}

/// The same sentence: it is what a `main` that returns the error prints.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// A duration as people write it: `14h 36m`.
struct Human(Duration);

impl fmt::Display for Human {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (millis.into(), "ms"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let text = parts.map(|(count, unit)| format!("{count}{unit}")).collect::<Vec<_>>();
        if text.is_empty() || !self.0.subsec_nanos().is_multiple_of(1_000_000) {
            return write!(f, "{:?}", self.0);
        }
        f.write_str(&text.join(" "))
    }
}
