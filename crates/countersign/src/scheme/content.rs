//! The signed content: which bytes are under the signature, in which order.

use std::borrow::Cow;

use super::pieces::add_piece;
use super::whole_body::{feed_sorted_form, form_is_small, sha256_hex};
use super::{Context, Texts};
use crate::error::ConfigError;
use crate::rejection::RejectionKind;
use crate::request_head::{RequestHead, normalize_name};

/// A piece of the signed content, for
/// [`ProviderBuilder::signed_content`](crate::ProviderBuilder::signed_content).
///
/// One of them stands for the body: [`Body`](Self::Body), [`SortedForm`](Self::SortedForm),
/// [`BodySha256`](Self::BodySha256) or [`BodySha256InQuery`](Self::BodySha256InQuery).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The request's body, byte for byte. Beside a header or the URL it must be a JSON object or array:
    /// otherwise bytes could be moved from the one to the other.
    Body,
    /// The fields of a form, sorted by name: each name and its value, with nothing between. The
    /// order of the fields, and how often one value of a field is repeated, is not signed; and bytes
    /// could be moved from a name to its value. That is how Twilio signs.
    SortedForm,
    /// The SHA-256 of the body, as lower-case hex digits.
    BodySha256,
    /// Adds nothing: this parameter of the URL's query must hold the SHA-256 of the body as
    /// lower-case hex digits, and [`Url`](Self::Url) signs the query.
    BodySha256InQuery(Cow<'static, str>),
    /// The time header's bytes as sent.
    Timestamp,
    /// The id header's bytes as sent: 1 to 128 visible ASCII characters, without the literal that
    /// stands beside it.
    Id,
    /// Fixed text.
    Literal(Cow<'static, str>),
    /// A header's value, which must be there once: visible ASCII characters without `{}[]<>"\`.
    Header(Cow<'static, str>),
    /// The request's method.
    Method,
    /// The request's URL as the world sees it:
    /// [`public_url`](crate::EndpointBuilder::public_url), then the path and the query as received.
    Url,
    /// The same with 12 percent-escapes decoded (`:/?@!$'()*,;`), as HubSpot signs it.
    UrlDecoded,
    /// The path and the query as received.
    Target,
    /// The same with the query percent-encoded and then the whole percent-encoded again, as
    /// Contentful signs it.
    TargetEncoded,
    /// The headers whose names this header lists with commas: `name:value`, the names in lower case
    /// and sorted, joined with `;`. The time's header must be among them.
    NamedHeaders(Cow<'static, str>),
    /// The names that the signature header lists in the item with this prefix, as sent.
    NamesInItem(Cow<'static, str>),
    /// The values of the headers whose names the signature header lists in the item with this
    /// prefix, separated by spaces; the values are joined with `.`.
    ValuesOfNamesInItem(Cow<'static, str>),
}

impl Part {
    /// Fixed text, such as the `.` between a time and a body.
    pub fn literal(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Literal(text.into())
    }

    /// A header's value.
    pub fn header(name: impl Into<Cow<'static, str>>) -> Self {
        Self::Header(name.into())
    }

    /// Whether it stands for the body.
    fn is_body(&self) -> bool {
        matches!(
            self,
            Self::Body | Self::SortedForm | Self::BodySha256 | Self::BodySha256InQuery(_)
        )
    }

    /// Whether it is made of the request's head and has to be kept until the body is there.
    fn is_piece(&self) -> bool {
        !self.is_body() && !matches!(self, Self::Timestamp | Self::Id | Self::Literal(_))
            || matches!(self, Self::BodySha256InQuery(_))
    }

    fn needs_public_url(&self) -> bool {
        matches!(self, Self::Url | Self::UrlDecoded)
    }

    /// The headers that it names, with their names made comparable.
    fn checked(self) -> Result<Self, ConfigError> {
        let name = |name: Cow<'static, str>| match normalize_name(&name) {
            Some(name) => Ok(Cow::Owned(name.into_string())),
            None => Err(ConfigError::InvalidHeaderName {
                field: "signed_content",
                name: name.into_owned(),
            }),
        };
        Ok(match self {
            Self::Header(header) => Self::Header(name(header)?),
            Self::NamedHeaders(header) => Self::NamedHeaders(name(header)?),
            other => other,
        })
    }
}

/// The parts, split at what stands for the body.
#[derive(Clone, Debug)]
pub(crate) struct SignedContent {
    before: Box<[Part]>,
    body: Part,
    after: Box<[Part]>,
    has_pieces: bool,
    /// Whether the body's first byte must be JSON's, and its last.
    json_edges: [bool; 2],
}

impl SignedContent {
    pub(crate) fn body_only() -> Self {
        Self {
            before: Box::default(),
            body: Part::Body,
            after: Box::default(),
            has_pieces: false,
            json_edges: [false; 2],
        }
    }

    pub(crate) fn new(parts: &[Part]) -> Result<Self, ConfigError> {
        let parts = parts.iter().cloned().map(Part::checked).collect::<Result<Vec<_>, _>>()?;
        let bodies = parts.iter().filter(|part| part.is_body()).count();
        match parts.iter().position(Part::is_body).map(|at| parts.split_at(at)) {
            Some((before, [body, after @ ..])) if bodies == 1 => Ok(Self {
                before: before.into(),
                body: body.clone(),
                after: after.into(),
                has_pieces: parts.iter().any(Part::is_piece),
                json_edges: [touches(before.iter().rev()), touches(after.iter())],
            }),
            _ => Err(ConfigError::SignedContentBody { bodies }),
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before.iter().chain([&self.body]).chain(&self.after)
    }

    /// Whether some part that varies stands right beside another, with no literal between, so
    /// that the MAC does not say where the one ends.
    ///
    /// A time of one fixed format is recognized, and so is what is made of a request's head: it has
    /// none of the characters with which JSON begins and ends.
    pub(crate) fn is_ambiguous(&self, time_format_is_fixed: bool) -> bool {
        let literal = |part: &Part| matches!(part, Part::Literal(text) if !text.is_empty());
        let ends_itself = |part: &Part| match part {
            Part::Timestamp => time_format_is_fixed,
            Part::BodySha256 | Part::Method => true,
            _ => false,
        };
        // An id has no brackets either: a piece beside it, or beside another piece, ends anywhere.
        let body_and_piece = |left: &Part, right: &Part| left.is_body() && right.is_piece();
        // That one adds nothing.
        let parts = self.parts().filter(|part| !matches!(part, Part::BodySha256InQuery(_)));
        let parts: Vec<_> = parts.collect();
        parts.windows(2).any(|pair| match pair {
            [left, right] => {
                !(literal(left)
                    || literal(right)
                    || ends_itself(left)
                    || ends_itself(right)
                    || body_and_piece(left, right)
                    || body_and_piece(right, left))
            }
            _ => false,
        })
    }

    /// Whether the time stands beside something with no literal between: then only one length of it
    /// will do.
    pub(crate) fn time_touches(&self) -> bool {
        let parts: Vec<_> = self.parts().collect();
        parts.windows(2).any(|pair| match pair {
            [Part::Timestamp, Part::Literal(text)] | [Part::Literal(text), Part::Timestamp] => {
                text.is_empty()
            }
            [left, right] => **left == Part::Timestamp || **right == Part::Timestamp,
            _ => false,
        })
    }

    /// Whether bytes could be moved between the body and what stands beside it: a form has no brackets
    /// that would show where it ends.
    pub(crate) fn body_may_move(&self) -> bool {
        self.body == Part::SortedForm && self.json_edges.contains(&true)
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

    /// Whether the signature can be computed while the body arrives.
    #[inline]
    pub(crate) fn streams(&self) -> bool {
        self.body == Part::Body
    }

    /// Whether an id can be told from its neighbours. The literal at its side must not occur
    /// earlier (or, before the id, later): otherwise a replayer could cut the same bytes elsewhere
    /// and show another id, and another body, under the same MAC.
    pub(crate) fn sets_apart(&self, id: &[u8]) -> bool {
        let pairs = [&self.before, &self.after].into_iter().flat_map(|parts| parts.windows(2));
        pairs.into_iter().all(|pair| match pair {
            [Part::Id, Part::Literal(after)] => {
                let after = after.as_bytes();
                let found_at = |at| id.iter().chain(after).skip(at).take(after.len()).eq(after);
                !(0..id.len()).any(found_at)
            }
            [Part::Literal(before), Part::Id] => {
                let before = before.as_bytes();
                let found_at = |at| before.iter().chain(id).skip(at).take(before.len()).eq(before);
                !(1..=id.len()).any(found_at)
            }
            _ => true,
        })
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
        match &self.body {
            Part::SortedForm => form_is_small(body),
            // Without fields that are looked for, nobody else would see that this is no JSON.
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
    #[inline]
    pub(crate) fn feed_before(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        feed(&self.before, texts, texts.pieces(), sink);
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
    #[inline]
    pub(crate) fn feed_after(&self, texts: &Texts, sink: impl FnMut(&[u8])) {
        let before = || self.before.iter().chain([&self.body]).filter(|part| part.is_piece());
        let passed = if self.has_pieces { before().count() } else { 0 };
        feed(&self.after, texts, texts.pieces().skip(passed), sink);
    }
}

/// Whether bytes could be moved between the body and what is made of the head beside it, which these
/// parts begin with: only the brackets of JSON, which a piece never has, show where the body ends.
fn touches<'p>(mut parts: impl Iterator<Item = &'p Part>) -> bool {
    let piece =
        |part: Option<&Part>| part.is_some_and(|part| part.is_piece() && *part != Part::Method);
    match parts.next() {
        // A line break is in no piece.
        Some(Part::Literal(text)) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            piece(parts.next())
        }
        part => piece(part),
    }
}

#[inline]
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
