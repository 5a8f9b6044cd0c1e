//! What headers claim outside of the proof.

use super::build::header_name;
use crate::error::ConfigError;
use crate::request_head::{Lookup, RequestHead};

/// The headers in which a provider claims things that it does not sign.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnverifiedNames {
    pub(super) event_type: Option<Box<str>>,
    pub(super) id: Option<Box<str>>,
    pub(super) channel: Option<Box<str>>,
    pub(super) attempt: Option<Box<str>>,
}

impl UnverifiedNames {
    /// The same with names that can be looked up; nothing if there are none.
    pub(super) fn checked(&self) -> Result<Option<Self>, ConfigError> {
        let check = |field, name: &Option<Box<str>>| {
            name.as_ref().map(|name| header_name(field, name)).transpose()
        };
        let names = Self {
            event_type: check("unverified_event_type", &self.event_type)?,
            id: check("unverified_id", &self.id)?,
            channel: check("unverified_channel", &self.channel)?,
            attempt: check("unverified_attempt", &self.attempt)?,
        };
        let any = names.all().into_iter().any(Option::is_some);
        Ok(any.then_some(names))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().into_iter().flatten().map(|name| &**name)
    }

    #[cfg(feature = "signing")]
    pub(crate) fn event_type_header(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    #[cfg(feature = "signing")]
    pub(crate) fn id_header(&self) -> Option<&str> {
        self.id.as_deref()
    }

    #[cfg(feature = "signing")]
    pub(crate) fn attempt_header(&self) -> Option<&str> {
        self.attempt.as_deref()
    }

    /// The attempt is last: what is before it may be part of a key.
    fn all(&self) -> [&Option<Box<str>>; 4] {
        [&self.event_type, &self.id, &self.channel, &self.attempt]
    }

    /// What a head claims: the event's type, the id, the channel and the attempt. A header that is there
    /// twice, or that has other than visible ASCII characters and spaces, claims nothing.
    pub(crate) fn claims<'h>(&self, head: &'h (impl RequestHead + ?Sized)) -> [&'h [u8]; 4] {
        self.all().map(|name| match name.as_deref().map(|name| head.lookup(name)) {
            // GitLab's types have a space: `Push Hook`.
            Some(Lookup::One(value))
                if value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') =>
            {
                value
            }
            _ => &[],
        })
    }
}
