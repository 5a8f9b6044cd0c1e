//! Making a provider: what can be said of it.

mod bodies;

use std::time::Duration;

use super::families::OtherPrefix;
use super::unverified::UnverifiedNames;
use super::{Retries, Timestamp};
use crate::handshake::Handshake;
use crate::payload::Bodies;
use crate::scheme::Proof;
use crate::scheme::content::Part;
use crate::scheme::signature::Signature;
use crate::scheme::token::Token;
use crate::window::{TimeFormat, Window};

/// Makes a [`Provider`](crate::Provider); start with [`Provider::builder`](crate::Provider::builder).
///
/// What proves, dates or names an event is said once: a second call that would replace the first is
/// an error. Of [`retries`](Self::retries) and [`answer_within`](Self::answer_within) the last call
/// holds, as with all settings of an [`EndpointBuilder`](crate::EndpointBuilder).
#[derive(Clone, Debug)]
#[must_use = "call `build`"]
pub struct ProviderBuilder {
    pub(super) name: Box<str>,
    pub(super) proofs: Vec<Proof>,
    /// The method that set the proofs.
    pub(super) proven_by: Option<&'static str>,
    pub(super) content: Option<Vec<Part>>,
    pub(super) time: Option<Timestamp>,
    pub(super) time_may_be_unsigned: bool,
    pub(super) required_time: Option<Box<str>>,
    pub(super) other_prefixes: Vec<OtherPrefix>,
    pub(super) event_type: Option<(Box<str>, bool)>,
    pub(super) id: Option<Id>,
    pub(super) key_fields: Vec<Box<str>>,
    pub(super) optional_key_fields: Vec<Box<str>>,
    pub(super) key_by_body: bool,
    pub(super) unverified: UnverifiedNames,
    pub(super) forgets: bool,
    pub(super) window: Option<Window>,
    pub(super) bodies: Bodies,
    pub(super) handshakes: Vec<Handshake>,
    pub(super) retries: Retries,
    pub(super) answer_within: Option<Duration>,
    pub(super) final_on_4xx: bool,
    /// Two calls of which only one can hold.
    pub(super) set_twice: Option<(&'static str, &'static str)>,
}

#[derive(Clone, Debug)]
pub(super) enum Id {
    Field(Box<str>),
    Header(Box<str>),
}

impl Id {
    fn method(&self) -> &'static str {
        match self {
            Self::Field(_) => "event_id",
            Self::Header(_) => "event_id_header",
        }
    }
}

impl ProviderBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            proofs: Vec::new(),
            proven_by: None,
            content: None,
            time: None,
            time_may_be_unsigned: false,
            required_time: None,
            other_prefixes: Vec::new(),
            event_type: None,
            id: None,
            key_fields: Vec::new(),
            optional_key_fields: Vec::new(),
            key_by_body: false,
            unverified: UnverifiedNames::default(),
            forgets: false,
            window: None,
            bodies: Bodies::default(),
            handshakes: Vec::new(),
            retries: Retries::unknown(),
            answer_within: None,
            final_on_4xx: false,
            set_twice: None,
        }
    }

    /// Notes a call that would replace an earlier one. Which proof, time or key holds is not to
    /// depend on the order of calls.
    fn set(&mut self, before: Option<&'static str>, method: &'static str) {
        if let Some(before) = before {
            self.set_twice.get_or_insert((before, method));
        }
    }

    /// Deliveries are signed with HMAC-SHA256.
    pub fn hmac_sha256(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha256(signature))
    }

    /// Deliveries are signed with HMAC-SHA1 (feature `sha1`).
    #[cfg(feature = "sha1")]
    pub fn hmac_sha1(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha1(signature))
    }

    /// Deliveries are signed with HMAC-SHA512.
    pub fn hmac_sha512(self, signature: Signature) -> Self {
        self.proof(Proof::hmac_sha512(signature))
    }

    /// Deliveries are signed with ed25519 (feature `ed25519`); the endpoint's secret is the
    /// provider's public key.
    #[cfg(feature = "ed25519")]
    pub fn ed25519(self, signature: Signature) -> Self {
        self.proof(Proof::ed25519(signature))
    }

    /// Deliveries are signed with ECDSA over P-256 (feature `p256`); the endpoint's secret is the
    /// provider's public key.
    #[cfg(feature = "p256")]
    pub fn ecdsa_p256(self, signature: Signature) -> Self {
        self.proof(Proof::ecdsa_p256(signature))
    }

    /// Deliveries are signed as Standard Webhooks has it, in headers that begin with this (`webhook`,
    /// `svix`): the id, the time in seconds and the body, joined with dots, under HMAC-SHA256; a list of
    /// signatures in base64 after `v1,`; secrets in base64 after `whsec_`. Sets the proof, the signed
    /// content, the time and the id. Source: the specification of Standard Webhooks, 1.0.0.
    pub fn standard_webhooks(self, prefix: &str) -> Self {
        let signature = Signature::header(&format!("{prefix}-signature"))
            .prefix("v1,")
            .base64()
            .separator(' ')
            .base64_secret("whsec_");
        let time = Timestamp::header(&format!("{prefix}-timestamp"));
        let dot = || Part::literal(".");
        self.hmac_sha256(signature)
            .signed_content([Part::Id, dot(), Part::Timestamp, dot(), Part::Body])
            .timestamp(time.format(TimeFormat::UnixSeconds))
            .event_id_header(&format!("{prefix}-id"))
    }

    /// All headers that are named here begin with `usual`, and all of them may begin with `other`
    /// instead: Svix sends `svix-id`, `svix-timestamp` and `svix-signature`, or `webhook-id`,
    /// `webhook-timestamp` and `webhook-signature`, as its customer likes. Call it again for a third
    /// family. For signatures, and not for tokens; handshakes are looked for under the names given.
    ///
    /// A request is read in the family whose signature it carries, and nothing of another family is
    /// looked at. One that carries signatures of two families is refused
    /// ([`SignatureRepeated`](crate::RejectionKind::SignatureRepeated)). An event has the same key in
    /// each of them, because whoever replays a delivery could rename its headers.
    pub fn or_header_prefix(mut self, usual: &str, other: &str) -> Self {
        self.other_prefixes.push(OtherPrefix { usual: usual.into(), other: other.into() });
        self
    }

    /// Deliveries carry a token that the provider and the endpoint share.
    pub fn shared_token(self, token: Token) -> Self {
        self.proof(Proof::shared_token(token))
    }

    /// Deliveries carry one of several proofs. All of those that a delivery carries are computed,
    /// and the first that holds counts. Each of the endpoint's secrets must be of use for one of
    /// them.
    ///
    /// A public key is never used as the secret of a MAC or as a token, because everybody knows it. A
    /// secret that could be either, such as 64 hex digits beside an ed25519 proof, must say what it is
    /// ([`Secret::as_public_key`](crate::Secret::as_public_key),
    /// [`Secret::as_shared_secret`](crate::Secret::as_shared_secret)), unless its prefix says it
    /// (`whsec_`, `whpk_`) or it is in PEM.
    pub fn any_of(mut self, proofs: impl IntoIterator<Item = Proof>) -> Self {
        self.set(self.proven_by, "any_of");
        self.proven_by = Some("any_of");
        self.proofs = proofs.into_iter().collect();
        self
    }

    fn proof(mut self, proof: Proof) -> Self {
        self.set(self.proven_by, proof.method());
        self.proven_by = Some(proof.method());
        self.proofs = vec![proof];
        self
    }

    /// What the signature covers, in order. Defaults to the body alone.
    pub fn signed_content(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.set(self.content.as_ref().map(|_| "signed_content"), "signed_content");
        self.content = Some(parts.into_iter().collect());
        self
    }

    /// The time that the replay window judges. A time in the body is vouched for by whatever
    /// proves the body. A time in a header must be part of the signed content.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.set(self.time_method(), "timestamp");
        self.time = Some(timestamp);
        self.time_may_be_unsigned = false;
        self
    }

    /// The same for a time that is **not** under the MAC. Whoever replays a delivery can write
    /// any time there, so this window keeps out accidents, not attackers.
    pub fn unsigned_timestamp(mut self, timestamp: Timestamp) -> Self {
        self.set(self.time_method(), "unsigned_timestamp");
        self.time = Some(timestamp);
        self.time_may_be_unsigned = true;
        self
    }

    fn time_method(&self) -> Option<&'static str> {
        let method = if self.time_may_be_unsigned { "unsigned_timestamp" } else { "timestamp" };
        self.time.as_ref().map(|_| method)
    }

    /// A time header that must be there once and well formed. It is held against no window and
    /// never given to a handler, because it is not under the MAC.
    pub fn require_unsigned_timestamp_header(mut self, name: &str) -> Self {
        let method = "require_unsigned_timestamp_header";
        self.set(self.required_time.as_ref().map(|_| method), method);
        self.required_time = Some(name.into());
        self
    }

    /// The body field that names the event's type. A body without it is refused.
    pub fn event_type(mut self, path: &str) -> Self {
        self.set(self.event_type_method(), "event_type");
        self.event_type = Some((path.into(), true));
        self
    }

    fn event_type_method(&self) -> Option<&'static str> {
        let (_, required) = self.event_type.as_ref()?;
        Some(if *required { "event_type" } else { "optional_event_type" })
    }

    /// The body field that names the event's type, where there is one.
    pub fn optional_event_type(mut self, path: &str) -> Self {
        self.set(self.event_type_method(), "optional_event_type");
        self.event_type = Some((path.into(), false));
        self
    }

    /// The header that claims the event's type, outside of the proof. It is part of the key of events
    /// that are known by their signed content, because two different events can have the same bytes;
    /// whoever replays a delivery with another type there makes another event of it. See
    /// [`Delivery::unverified`](crate::Delivery::unverified).
    pub fn unverified_event_type(mut self, header: &str) -> Self {
        self.unverified.event_type = Some(header.into());
        self
    }

    /// The header that claims the delivery's or the event's id, outside of the proof. Under a signature
    /// it is never part of a key: whoever replays a delivery could write a new one each time. Under a
    /// shared token, which covers no body either, it is part of the key of events that are known by
    /// their body: it must stay the same when a delivery is retried.
    pub fn unverified_id(mut self, header: &str) -> Self {
        self.unverified.id = Some(header.into());
        self
    }

    /// The header that claims which channel or subscription a delivery is of, outside of the proof. It
    /// belongs to the claimed id where ids are counted anew in each channel, and is part of a key as
    /// [`unverified_id`](Self::unverified_id) is: under a shared token alone.
    pub fn unverified_channel(mut self, header: &str) -> Self {
        self.unverified.channel = Some(header.into());
        self
    }

    /// The header that claims which attempt a delivery is, outside of the proof.
    pub fn unverified_attempt(mut self, header: &str) -> Self {
        self.unverified.attempt = Some(header.into());
        self
    }

    /// The body field with the event's id, which is then its key unless
    /// [`key_fields`](Self::key_fields) says otherwise. An event without it is keyed by its signed
    /// content.
    pub fn event_id(mut self, path: &str) -> Self {
        self.set(self.id.as_ref().map(Id::method), "event_id");
        self.id = Some(Id::Field(path.into()));
        self
    }

    /// The header with the event's id, which is then its key. It must be part of the signed
    /// content: an id that anyone can change makes every replay a new event.
    pub fn event_id_header(mut self, name: &str) -> Self {
        self.set(self.id.as_ref().map(Id::method), "event_id_header");
        self.id = Some(Id::Header(name.into()));
        self
    }

    /// The body fields that together make the event's key, for providers without an id. Name
    /// every field that tells two events apart: events with equal keys are one event here. If one
    /// of these is missing from a body, that event is keyed by its signed content.
    pub fn key_fields<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        self.set((!self.key_fields.is_empty()).then_some("key_fields"), "key_fields");
        self.key_fields = paths.into_iter().map(Into::into).collect();
        self
    }

    /// Further fields of the key that some events do not have.
    pub fn optional_key_fields<'a>(mut self, paths: impl IntoIterator<Item = &'a str>) -> Self {
        let before = (!self.optional_key_fields.is_empty()).then_some("optional_key_fields");
        self.set(before, "optional_key_fields");
        self.optional_key_fields = paths.into_iter().map(Into::into).collect();
        self
    }

    /// An event without an id or key fields is keyed by its body alone, where the signed content
    /// would do by default. For providers that sign every retry with a time of its own and send
    /// nothing to tell events apart: their retries are then known again, and two events whose
    /// bodies are equal to the byte are one.
    pub fn key_by_body(mut self) -> Self {
        self.key_by_body = true;
        self
    }

    /// An event is forgotten as soon as it is handled. For providers whose different events can be equal
    /// to the byte, with nothing signed that tells them apart: Dropbox says "this account has changed"
    /// each time in the same words. Remembered, the second change would be taken for a duplicate, and
    /// lost. An endpoint can decide otherwise, with
    /// [`EndpointBuilder::forget_when_handled`](crate::EndpointBuilder::forget_when_handled).
    ///
    /// What holds: only what is proven is handled; while the handler runs, further deliveries of the
    /// same bytes are answered 503; and after a handler that failed, the next delivery is handled.
    /// What does **not** hold: that a handled event is not handled again. A retry whose first answer got
    /// lost is handled again, and so is every replay by whoever has captured a delivery, inside the
    /// window where there is one and for ever where not. The handler must be one that may run twice.
    /// One that calls `complete_in` has its event remembered all the same.
    pub fn forget_when_handled(mut self) -> Self {
        self.forgets = true;
        self
    }

    /// The replay window that endpoints have by default, where the provider says what it should be.
    pub fn window(mut self, window: Window) -> Self {
        self.window = Some(window);
        self
    }

    /// Adds a request that the middleware answers itself. Each handshake needs a call of its own, and
    /// the first that fits a request answers it.
    pub fn handshake(mut self, handshake: Handshake) -> Self {
        self.handshakes.push(handshake);
        self
    }

    /// The retry schedule.
    pub fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// How long the provider waits for an answer.
    pub fn answer_within(mut self, deadline: Duration) -> Self {
        self.answer_within = Some(deadline);
        self
    }

    /// The provider takes a 4xx as final and does not retry after it.
    pub fn final_on_4xx(mut self) -> Self {
        self.final_on_4xx = true;
        self
    }
}
