//! Step 1: what the headers say besides the proof.

use std::borrow::Cow;

use crate::endpoint::Endpoint;
use crate::handshake::Signed;
use crate::known_name::KnownName;
use crate::provider::TimeSource;
use crate::rejection::RejectionKind;
use crate::request_head::{Lookup, RequestHead};
use crate::scheme::content::SignedContent;
use crate::scheme::{Context, Texts};
use crate::trace;
use crate::window::UnixMillis;

static CONTENT_LENGTH: KnownName = KnownName::of(Cow::Borrowed("content-length"));
static CONTENT_ENCODING: KnownName = KnownName::of(Cow::Borrowed("content-encoding"));

/// What the headers say besides the proof.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// None where nothing is kept of it, so that nothing is moved.
    texts: Option<Texts>,
    pub(super) time: Option<UnixMillis>,
    /// How long the body is, if the head says so.
    pub(super) length: Option<u64>,
    /// What it shows of handshakes.
    pub(super) handshakes: ShownHandshakes,
}

/// The signed handshakes that a head may be of, one bit each, and a text that one of them echoes.
#[derive(Debug, Default)]
pub(super) struct ShownHandshakes {
    set: u32,
    /// In a box: it is rare, and would make every delivery's head larger.
    echo: Option<Box<(usize, Box<[u8]>)>>,
}

impl ShownHandshakes {
    fn read(known: &[Signed], head: &(impl RequestHead + ?Sized)) -> Self {
        let mut shown = Self::default();
        for (index, handshake) in known.iter().enumerate() {
            match handshake.shown(head) {
                Some([]) => shown.set |= 1_u32.checked_shl(index as u32).unwrap_or_default(),
                // At most 256 bytes, and only where a provider has such a handshake.
                Some(text) if shown.echo.is_none() => {
                    shown.echo = Some(Box::new((index, text.into())));
                }
                _ => {}
            }
        }
        shown
    }

    /// What the head shows of the handshake at this index, if it may be of that one.
    pub(super) fn get(&self, index: usize) -> Option<&[u8]> {
        match self.echo.as_deref() {
            Some((echoing, text)) if *echoing == index => Some(text),
            _ => (self.set.checked_shr(index as u32)? & 1 == 1).then_some(&[]),
        }
    }
}

impl Head {
    /// Reads into a head that is empty, and stays where it is.
    #[inline(always)]
    pub(super) fn read(
        &mut self,
        endpoint: &Endpoint,
        headers: &(impl RequestHead + ?Sized),
    ) -> Result<(), RejectionKind> {
        let inner = endpoint.inner();
        let spec = inner.provider.spec();
        let scheme = &spec.scheme;
        let mut id = &[][..];
        if let Some(name) = &spec.id_header {
            id = read_id(headers.lookup_known(name), &scheme.content).ok_or_else(|| {
                trace::header_refused(endpoint, name.as_str(), RejectionKind::IdInvalid);
                RejectionKind::IdInvalid
            })?;
        }
        let (mut time, mut text, mut time_header) = (None, &[][..], None);
        if let Some(TimeSource::Header { time: header, .. }) = &spec.time {
            let (read, as_sent) = header
                .read(headers)
                .inspect_err(|kind| trace::header_refused(endpoint, header.name.as_str(), *kind))?;
            if let Some(window) = &inner.window {
                window.check(read, inner.clock.now().into())?;
            }
            (time, text, time_header) = (Some(read), as_sent, Some(header.name.as_str()));
        }
        if let Some(time) = &spec.required_time {
            time.read(headers)
                .inspect_err(|kind| trace::header_refused(endpoint, time.name.as_str(), *kind))?;
        }
        self.time = time;
        // Most providers have none of these.
        let has_texts = !(text.is_empty() && id.is_empty());
        if has_texts && !self.texts_mut().keep(text, id) {
            return Err(RejectionKind::IdInvalid);
        }
        if let Some(names) = &spec.unverified {
            self.texts_mut().keep_unverified(names.claims(headers));
        }
        if scheme.content.has_pieces() {
            let context = Context {
                public_url: inner.public_url.as_deref().unwrap_or_default(),
                signature: scheme.signature(),
                time_header,
            };
            scheme.content.keep_pieces(headers, &context, self.texts_mut())?;
        }
        if !spec.handshakes.signed.is_empty() {
            self.handshakes = ShownHandshakes::read(&spec.handshakes.signed, headers);
        }
        if let Some(length) = declared_length(headers) {
            if length > inner.max_body as u64 {
                return Err(RejectionKind::BodyTooLarge);
            }
            self.length = Some(length);
        }
        Ok(())
    }

    /// The same for a body that is still to come, when nobody can ask the headers again.
    #[inline(never)]
    pub(super) fn read_before_body(
        &mut self,
        endpoint: &Endpoint,
        headers: &(impl RequestHead + ?Sized),
    ) -> Result<(), RejectionKind> {
        self.read(endpoint, headers)?;
        if self.length.is_some() && is_packed(headers) {
            self.length = None;
        }
        Ok(())
    }
}

impl Head {
    #[inline]
    pub(super) fn texts(&self) -> &Texts {
        self.texts.as_ref().unwrap_or(Texts::NONE)
    }

    #[inline]
    fn texts_mut(&mut self) -> &mut Texts {
        self.texts.get_or_insert_default()
    }

    /// Gives it to `then`. What is not there is not copied.
    #[inline(always)]
    pub(super) fn move_to<T>(self, then: impl FnOnce(Self) -> T) -> T {
        match self.texts {
            None => then(Self { texts: None, ..self }),
            Some(texts) => then(Self { texts: Some(texts), ..self }),
        }
    }
}

/// Whether the declared length may be of another body than the one that arrives here: a layer that has
/// unpacked it may have left the length of the packed one.
pub(super) fn is_packed(head: &(impl RequestHead + ?Sized)) -> bool {
    head.lookup_known(&CONTENT_ENCODING) != Lookup::Missing
}

/// An id that the signed content can be cut at in one way only.
fn read_id<'h>(found: Lookup<'h>, content: &SignedContent) -> Option<&'h [u8]> {
    let Lookup::One(id) = found else { return None };
    // Without a way out early, which takes many bytes at a time.
    let graphic = id.iter().fold(true, |all, byte| all & byte.is_ascii_graphic());
    let legal = !id.is_empty() && graphic;
    (legal && content.sets_apart(id)).then_some(id)
}

/// The declared length; a number that does not fit counts as the largest. What is not a number at all
/// is for the server to refuse: the limit holds when the body arrives.
fn declared_length(headers: &(impl RequestHead + ?Sized)) -> Option<u64> {
    let Lookup::One(value) = headers.lookup_known(&CONTENT_LENGTH) else { return None };
    // So many digits always fit.
    let short = |length: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| length.wrapping_mul(10).wrapping_add(digit.into()))
    };
    if (1..=18).contains(&value.len())
        && let Some(length) = value.iter().try_fold(0, short)
    {
        return Some(length);
    }
    length_in_full(value)
}

#[cold]
fn length_in_full(value: &[u8]) -> Option<u64> {
    let digit = |length: Option<u64>, byte: &u8| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        Some(Some(length.unwrap_or(0).saturating_mul(10).saturating_add(digit)))
    };
    value.trim_ascii().iter().try_fold(None, digit).flatten()
}
