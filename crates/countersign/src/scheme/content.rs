//! The signed content: which bytes are under the signature, in which order.

mod cuts;
mod part;

use cuts::touches;
pub use part::Part;

use super::pieces::add_piece;
use super::whole_body::{feed_sorted_form, form_is_small, sha256_hex};
use super::{Context, Texts};
use crate::error::ConfigError;
use crate::rejection::RejectionKind;
use crate::request_head::RequestHead;

/// The parts, split at what stands for the body.
#[derive(Clone, Debug)]
pub(crate) struct SignedContent {
    before: Box<[Part]>,
    body: Part,
    after: Box<[Part]>,
    has_pieces: bool,
    /// Whether the body's first byte must be JSON's, and its last.
    json_edges: [bool; 2],
    /// Whether the signature can cover any body.
    fits_any: bool,
}

impl SignedContent {
    pub(crate) fn body_only() -> Self {
        Self {
            before: Box::default(),
            body: Part::Body,
            after: Box::default(),
            has_pieces: false,
            json_edges: [false; 2],
            fits_any: true,
        }
    }

    pub(crate) fn new(parts: &[Part]) -> Result<Self, ConfigError> {
        let parts = parts.iter().cloned().map(Part::checked).collect::<Result<Vec<_>, _>>()?;
        let bodies = parts.iter().filter(|part| part.is_body()).count();
        match parts.iter().position(Part::is_body).map(|at| parts.split_at(at)) {
            Some((before, [body, after @ ..])) if bodies == 1 => {
                let json_edges = [touches(before.iter().rev()), touches(after.iter())];
                Ok(Self {
                    before: before.into(),
                    body: body.clone(),
                    after: after.into(),
                    has_pieces: parts.iter().any(Part::is_piece),
                    json_edges,
                    fits_any: matches!(body, Part::Body | Part::BodySha256)
                        && json_edges == [false; 2],
                })
            }
            _ => Err(ConfigError::SignedContentBody { bodies }),
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before.iter().chain([&self.body]).chain(&self.after)
    }

    pub(crate) fn contains(&self, wanted: &Part) -> bool {
        self.parts().any(|part| part == wanted)
    }

    /// Whether the time is signed: by its text, or as one of the headers that the request names.
    pub(crate) fn signs_time(&self) -> bool {
        self.contains(&Part::Timestamp)
            || self.parts().any(|part| matches!(part, Part::NamedHeaders(_)))
    }

    /// Whether the body must be JSON, or nobody could tell where it ends.
    pub(crate) fn needs_json(&self) -> bool {
        self.body == Part::Body && self.json_edges.contains(&true)
    }

    /// The literal with which it begins; empty if it begins with something else.
    pub(crate) fn first_literal(&self) -> &[u8] {
        match self.parts().next() {
            Some(Part::Literal(text)) => text.as_bytes(),
            _ => &[],
        }
    }

    /// Whether the request names headers that are signed.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn names_headers(&self) -> bool {
        self.parts().any(|part| {
            matches!(
                part,
                Part::NamedHeaders(_) | Part::NamesInItem(_) | Part::ValuesOfNamesInItem(_)
            )
        })
    }

    /// The headers that it names.
    pub(crate) fn headers(&self) -> impl Iterator<Item = &str> {
        self.parts().filter_map(|part| match part {
            Part::Header(name) | Part::NamedHeaders(name) => Some(&**name),
            _ => None,
        })
    }

    pub(crate) fn needs_public_url(&self) -> bool {
        self.parts().any(Part::needs_public_url)
    }

    /// The parameter of the query that holds the body's hash.
    #[cfg(feature = "signing")]
    pub(crate) fn body_sha256_parameter(&self) -> Option<&str> {
        match &self.body {
            Part::BodySha256InQuery(name) => Some(name),
            _ => None,
        }
    }

    /// Whether the signature can be computed while the body arrives.
    #[inline]
    pub(crate) fn streams(&self) -> bool {
        self.body == Part::Body
    }

    /// Whether some part is made of the request's head.
    #[inline]
    pub(crate) fn has_pieces(&self) -> bool {
        self.has_pieces
    }

    /// Keeps what the head has to give.
    pub(crate) fn keep_pieces(
        &self,
        head: &(impl RequestHead + ?Sized),
        context: &Context<'_>,
        texts: &mut Texts,
    ) -> Result<(), RejectionKind> {
        let mut parts = self.parts().filter(|part| part.is_piece());
        let kept = texts.keep_pieces(|pieces| {
            parts.try_for_each(|part| add_piece(part, head, context, pieces))
        });
        kept.ok_or(RejectionKind::SignedPartInvalid)?;
        Ok(())
    }

    /// Whether the body is such that the signature can cover it.
    #[inline]
    pub(crate) fn fits(&self, texts: &Texts, body: &[u8]) -> bool {
        self.fits_any || self.fits_this(texts, body)
    }

    fn fits_this(&self, texts: &Texts, body: &[u8]) -> bool {
        match &self.body {
            Part::SortedForm => form_is_small(body),
            // Without fields that are looked for, nothing else would find that this is not JSON.
            Part::Body => {
                let [begins, ends] = self.json_edges;
                let body = body.trim_ascii();
                body.is_empty()
                    || (!begins || matches!(body.first(), Some(b'{' | b'[')))
                        && (!ends || matches!(body.last(), Some(b'}' | b']')))
            }
            Part::BodySha256InQuery(_) => {
                let before = self.before.iter().filter(|part| part.is_piece()).count();
                let given = texts.pieces().nth(before).unwrap_or_default();
                // Whoever knows the body knows its hash, so this need not take the same time always.
                *given == sha256_hex(body)
            }
            _ => true,
        }
    }

    /// Feeds what stands before the body.
    #[inline(always)]
    pub(crate) fn feed_before(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        if !self.before.is_empty() {
            feed(&self.before, texts, texts.pieces(), sink);
        }
    }

    /// Feeds what stands for the body.
    #[inline]
    pub(crate) fn feed_body(&self, body: &[u8], mut sink: impl FnMut(&[u8])) {
        match &self.body {
            Part::SortedForm => feed_sorted_form(body, sink),
            Part::BodySha256 => sink(&sha256_hex(body)),
            Part::BodySha256InQuery(_) => {}
            _ => sink(body),
        }
    }

    /// Feeds what stands after the body.
    #[inline(always)]
    pub(crate) fn feed_after(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        if !self.after.is_empty() {
            let before = || self.before.iter().chain([&self.body]).filter(|part| part.is_piece());
            let passed = if self.has_pieces { before().count() } else { 0 };
            feed(&self.after, texts, texts.pieces().skip(passed), sink);
        }
    }
}

fn feed<'t>(
    parts: &[Part],
    texts: &Texts,
    mut pieces: impl Iterator<Item = &'t [u8]>,
    mut sink: impl FnMut(&[u8]),
) {
    for part in parts {
        match part {
            Part::Timestamp => sink(texts.time()),
            Part::Id => sink(texts.id()),
            Part::Literal(text) => sink(text.as_bytes()),
            _ => sink(pieces.next().unwrap_or_default()),
        }
    }
}
