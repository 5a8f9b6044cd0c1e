//! What headers claim outside of the proof.

use super::build::header_name;
use crate::error::ConfigError;
use crate::known_name::KnownName;
use crate::request_head::{Lookup, RequestHead};

/// The headers in which a provider claims things that it does not sign, as the builder was given them.
#[derive(Clone, Debug, Default)]
pub(super) struct UnverifiedNames {
    pub(super) event_type: Option<Box<str>>,
    pub(super) id: Option<Box<str>>,
    pub(super) channel: Option<Box<str>>,
    pub(super) attempt: Option<Box<str>>,
}

impl UnverifiedNames {
    /// The same with names that can be looked up; nothing if there are none.
    pub(super) fn checked(&self) -> Result<Option<ClaimHeaders>, ConfigError> {
        let check = |field, name: &Option<Box<str>>| {
            name.as_ref().map(|name| header_name(field, name)).transpose()
        };
        let names = [
            check("unverified_event_type", &self.event_type)?,
            check("unverified_id", &self.id)?,
            check("unverified_channel", &self.channel)?,
            check("unverified_attempt", &self.attempt)?,
        ];
        let any = names.iter().any(Option::is_some);
        Ok(any.then_some(ClaimHeaders(names)))
    }
}

/// The headers of the event's type, the id, the channel and the attempt. The attempt is last: what is
/// before it may be part of a key.
#[derive(Debug)]
pub(crate) struct ClaimHeaders([Option<KnownName>; 4]);

impl ClaimHeaders {
    /// Whether the event's type, the id and the channel are claimed.
    pub(super) fn are_named(&self) -> [bool; 3] {
        let [event_type, id, channel, _] = self.0.each_ref().map(Option::is_some);
        [event_type, id, channel]
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(KnownName::as_str)
    }

    #[cfg(feature = "signing")]
    pub(crate) fn event_type_header(&self) -> Option<&str> {
        let [event_type, ..] = &self.0;
        event_type.as_ref().map(KnownName::as_str)
    }

    #[cfg(feature = "signing")]
    pub(crate) fn id_header(&self) -> Option<&str> {
        let [_, id, ..] = &self.0;
        id.as_ref().map(KnownName::as_str)
    }

    #[cfg(feature = "signing")]
    pub(crate) fn attempt_header(&self) -> Option<&str> {
        let [.., attempt] = &self.0;
        attempt.as_ref().map(KnownName::as_str)
    }

    /// What a head claims. A header that is there twice, or that has other than visible ASCII characters
    /// and spaces, claims nothing.
    #[inline]
    pub(crate) fn claims<'h>(&self, head: &'h (impl RequestHead + ?Sized)) -> [&'h [u8]; 4] {
        // GitLab's types have a space: `Push Hook`. Without a way out early, which takes many bytes at a
        // time.
        let is_plain = |value: &[u8]| {
            value.iter().fold(true, |all, byte| all & (byte.is_ascii_graphic() | (*byte == b' ')))
        };
        self.0.each_ref().map(|name| match name.as_ref().map(|name| head.lookup_known(name)) {
            Some(Lookup::One(value)) if is_plain(value) => value,
            _ => &[],
        })
    }
}
