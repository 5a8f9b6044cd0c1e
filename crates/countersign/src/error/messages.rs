//! What a [`ConfigError`] says: the setting, what is wrong with it, and how to fix it.

use std::fmt;
use std::time::Duration;

use super::ConfigError;
use crate::rejection::RejectionKind;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownProvider { id } => write!(
                f,
                "{id:?} is not in the catalogue: `PROVIDERS.md` and `countersign providers` list the ids; \
                 a provider that is not there is made with `Provider::builder`"
            ),
            Self::FeatureMissing { provider, feature } => write!(
                f,
                "`{provider}` needs the feature `{feature}` of `countersign`: add it to the \
                 `features` of that dependency in Cargo.toml"
            ),
            Self::NoProof => {
                f.write_str("the provider has no proof: call `hmac_sha256`, `shared_token`, or another method that \
                 names one")
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
                write!(f, "`{field}`: {name:?} is not a header name; use letters, digits and `-`")
            }
            Self::InvalidPath { field, path } => write!(
                f,
                "`{field}`: {path:?} is not a path to a field of the JSON body; a path is the \
                 names of fields with dots between them (`incident.id`), with `0` for the only \
                 item of an array (`events.0.id`), not a header's name, and without `/`, `[0]`, \
                 `*` and `$`; a provider has at most 32 paths"
            ),
            Self::ItemOfArray { field, path } => write!(
                f,
                "`{field}`: {path:?} leads into an array, where it finds something only if there is one \
                 item, so a delivery with several would be refused; for a type say \
                 `optional_event_type`, and for a time name a field outside of arrays"
            ),
            Self::ArrayNotSent { field, path } => write!(
                f,
                "`{field}`: {path:?} begins in an array, and a body that is an array is refused: call \
                 `json_array`"
            ),
            Self::FieldOfSortedForm { field, path } => write!(
                f,
                "`{field}`: the boundaries of the fields in `Part::SortedForm` are not under the MAC, so \
                 a replay could change what {path:?} is; leave it out, and events are \
                 keyed by the whole form"
            ),
            Self::BodyBesideHead => f.write_str(
                "`signed_content`: only the brackets of JSON show where the body ends beside an id, a \
                 header or the URL, so it must be JSON, or bytes could be moved from the one to the \
                 other: leave out `form`, `form_field` and `not_only_json`, or put a line break \
                 (`Part::literal(\"\\n\")`) between them if the provider does",
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
                "`event_id_header`: the header `{header}` is not under the MAC, so each \
                 replay can have a new id; add `Part::Id` to `signed_content`, or use `event_id`, or leave it \
                 out and events are keyed by their signed content"
            ),
            Self::HeaderOutsideFamily { header, prefix } => write!(
                f,
                "`or_header_prefix`: the header `{header}` cannot be assigned to one family: the \
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
            Self::InvalidTenantPath { pattern } => write!(
                f,
                "`by_path`: {pattern:?} is not a path with one whole segment for the tenant; write it as in \
                 `/webhooks/{{tenant}}/github`"
            ),
            Self::NoSecret { endpoint } => {
                write!(f, "endpoint `{endpoint}` has no secret: call `secret`")
            }
            Self::TooManySecrets { endpoint, given, most } => write!(
                f,
                "endpoint `{endpoint}`: the look-up found {given} secrets, and a delivery is held against {most} \
                 at most: let it find those that are valid now, and give each tenant secrets of its own"
            ),
            Self::UnusableSecret { endpoint, position, expected } => write!(
                f,
                "endpoint `{endpoint}`: no delivery can match secret {position}: this provider's \
                 secrets are {expected}"
            ),
            Self::AmbiguousSecret { endpoint, position } => write!(
                f,
                "endpoint `{endpoint}`: secret {position} may be a public key, which is not secret, or \
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
                 be remembered for as long; make it at most {longest}, or leave `window` out for the \
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
                 which access logs show, and a reader of the log could sign deliveries; choose \
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
            Self::CountsWhatIsForgotten => f.write_str(
                "`park` or `count_attempts`: this endpoint forgets an event as soon as it is handled, so \
                 a later event with the same content would be counted as another attempt of it; leave \
                 the setting out, or call `forget_when_handled(false)`",
            ),
            Self::Zero { field } => write!(f, "`{field}` is zero; make it more than zero"),
            Self::UnsuitableStatus { kind: RejectionKind::Duplicate, status } => write!(
                f,
                "`answer`: a duplicate cannot be answered {status}: the provider stops retrying \
                 on a 2xx only"
            ),
            Self::UnsuitableStatus { kind: RejectionKind::Parked, status } => write!(
                f,
                "`answer`: what is parked cannot be answered {status}: the provider stops retrying \
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

/// A duration as people write it: `14h 36m`.
pub(crate) struct Human(pub(crate) Duration);

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
