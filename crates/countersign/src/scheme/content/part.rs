//! The parts of the signed content.

use std::borrow::Cow;

use crate::error::ConfigError;
use crate::request_head::normalize_name;

/// A piece of the signed content, for
/// [`ProviderBuilder::signed_content`](crate::ProviderBuilder::signed_content).
///
/// One of them stands for the body: [`Body`](Self::Body), [`SortedForm`](Self::SortedForm),
/// [`BodySha256`](Self::BodySha256) or [`BodySha256InQuery`](Self::BodySha256InQuery).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The request's body, byte for byte. Beside a header or the URL, or an id with no literal between, it
    /// must be a JSON object or array: otherwise bytes could be moved from the one to the other.
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
    pub(super) fn is_body(&self) -> bool {
        matches!(
            self,
            Self::Body | Self::SortedForm | Self::BodySha256 | Self::BodySha256InQuery(_)
        )
    }

    /// Whether it is made of the request's head and has to be kept until the body is there.
    pub(super) fn is_piece(&self) -> bool {
        !self.is_body() && !matches!(self, Self::Timestamp | Self::Id | Self::Literal(_))
            || matches!(self, Self::BodySha256InQuery(_))
    }

    pub(super) fn needs_public_url(&self) -> bool {
        matches!(self, Self::Url | Self::UrlDecoded)
    }

    /// The headers that it names, with their names made comparable.
    pub(super) fn checked(self) -> Result<Self, ConfigError> {
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
