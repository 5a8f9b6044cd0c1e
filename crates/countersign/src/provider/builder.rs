//! Making a provider: what can be said of it.

mod bodies;
mod keys;
mod proofs;

use std::time::Duration;

use super::families::OtherPrefix;
use super::unverified::UnverifiedNames;
use super::{Retries, Timestamp};
use crate::handshake::Handshake;
use crate::payload::Bodies;
use crate::scheme::Proof;
use crate::scheme::content::Part;
use crate::window::Window;

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

    /// What the signature covers, in order. Defaults to the body alone.
    pub fn signed_content(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.set(self.content.as_ref().map(|_| "signed_content"), "signed_content");
        self.content = Some(parts.into_iter().collect());
        self
    }

    /// The time that the replay window judges. A time in the body is proven with the
    /// body. A time in a header must be part of the signed content.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.set(self.time_method(), "timestamp");
        self.time = Some(timestamp);
        self.time_may_be_unsigned = false;
        self
    }

    /// The same for a time that is **not** under the MAC. A replay can have any time there, so this
    /// window keeps out accidents, not attackers.
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
    /// so a replay with another type there is another event. See
    /// [`Delivery::unverified`](crate::Delivery::unverified).
    pub fn unverified_event_type(mut self, header: &str) -> Self {
        self.unverified.event_type = Some(header.into());
        self
    }

    /// The header that claims the delivery's or the event's id, outside of the proof. Under a signature
    /// it is never part of a key: each replay could have a new one. Under a
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
