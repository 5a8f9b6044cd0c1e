//! Step 1: what the headers say besides the proof.

use crate::endpoint::Endpoint;
use crate::headers::{Headers, Lookup};
use crate::provider::TimeSource;
use crate::rejection::RejectionKind;
use crate::scheme::content::{SignedContent, Text, Texts};
use crate::trace;
use crate::window::UnixMillis;

/// What the headers say besides the proof.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) texts: Texts,
    pub(super) time: Option<UnixMillis>,
    /// How long the body is, if the head says so and means the body as it arrives here.
    pub(super) length: Option<u64>,
}

impl Head {
    pub(super) fn read(
        endpoint: &Endpoint,
        headers: &(impl Headers + ?Sized),
        content: &SignedContent,
    ) -> Result<Self, RejectionKind> {
        let inner = endpoint.inner();
        let spec = inner.provider.spec();
        let mut head = Self { texts: Texts::default(), time: None, length: None };
        if let Some(name) = &spec.id_header {
            let kind = RejectionKind::IdInvalid;
            let id = read_id(headers.lookup(name), content).ok_or(kind);
            head.texts.id = id.inspect_err(|kind| trace::header_refused(endpoint, name, *kind))?;
        }
        if let Some(TimeSource::Header { time, .. }) = &spec.time {
            let (time, text) = time
                .read(headers)
                .inspect_err(|kind| trace::header_refused(endpoint, &time.name, *kind))?;
            if let Some(window) = &inner.window {
                window.check(time, inner.clock.now().into())?;
            }
            head.texts.time = text;
            head.time = Some(time);
        }
        if let Some(time) = &spec.required_time {
            time.read(headers)
                .inspect_err(|kind| trace::header_refused(endpoint, &time.name, *kind))?;
        }
        if let Some(length) = declared_length(headers) {
            if length > inner.max_body as u64 {
                return Err(RejectionKind::BodyTooLarge);
            }
            // A layer that has unpacked the body may have left the length of the packed one.
            let is_packed = headers.lookup("content-encoding") != Lookup::Missing;
            head.length = (!is_packed).then_some(length);
        }
        Ok(head)
    }
}

/// An id that the signed content can be cut at in one way only.
fn read_id(found: Lookup<'_>, content: &SignedContent) -> Option<Text<128>> {
    let Lookup::One(id) = found else { return None };
    let legal = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
    Text::new(id).filter(|_| legal && content.sets_apart(id))
}

/// The declared length; a number that does not fit counts as the largest. What is no number at
/// all is the server's to refuse: the limit holds when the body arrives.
fn declared_length(headers: &(impl Headers + ?Sized)) -> Option<u64> {
    let Lookup::One(value) = headers.lookup("content-length") else { return None };
    let value = value.trim_ascii();
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    digits
        .then(|| std::str::from_utf8(value).ok()?.parse().ok())
        .map(|length| length.unwrap_or(u64::MAX))
}
