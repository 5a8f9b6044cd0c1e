//! Where a signature is and how it is written.

use super::Refused;
use super::algorithm::Algorithm;
use super::candidates::{Candidates, Found};
use super::lists::{Items, Separators};
use super::secret_reading::SecretReading;
use crate::encoding::Encoding;
use crate::known_name::KnownName;
use crate::rejection::RejectionKind;
use crate::request_head::{Lookup, RequestHead};

/// Where a provider puts its signature and how it writes it, for
/// [`ProviderBuilder::hmac_sha256`](crate::ProviderBuilder::hmac_sha256) and its siblings.
///
/// Parsing is strict: the header holds the prefix and the encoded signature and nothing else.
///
/// ```
/// use countersign::Signature;
///
/// // X-Hub-Signature-256: sha256=757107ea…
/// let github = Signature::header("X-Hub-Signature-256").prefix("sha256=");
/// // webhook-signature: v1,g0hM9S… v1,bm9ldH…
/// let standard_webhooks = Signature::header("webhook-signature")
///     .prefix("v1,")
///     .base64()
///     .separator(' ')
///     .base64_secret("whsec_");
/// ```
#[derive(Clone, Debug)]
pub struct Signature {
    /// The headers that may carry it. All that are there are read.
    pub(crate) headers: Vec<KnownName>,
    /// Whether the headers are numbered: the first that is missing ends them.
    numbered: bool,
    prefix: Box<str>,
    pub(crate) encoding: Encoding,
    pub(crate) list: Option<Separators>,
    pub(crate) secret: SecretReading,
}

impl Signature {
    /// A signature in this header, in hex and without prefix unless set otherwise.
    #[must_use]
    pub fn header(name: &str) -> Self {
        Self {
            headers: vec![KnownName::new(name)],
            numbered: false,
            prefix: Box::default(),
            encoding: Encoding::Hex,
            list: None,
            secret: SecretReading::Text,
        }
    }

    /// A further header that may carry a signature of the same form. One right signature is enough:
    /// a provider that rotates its secret sends one in each.
    #[must_use]
    pub fn or_header(mut self, name: &str) -> Self {
        self.headers.push(KnownName::new(name));
        self
    }

    /// Headers that are numbered from 1: `X-DocuSign-Signature-1`, `X-DocuSign-Signature-2` … up to
    /// `last`, where the name given to [`header`](Self::header) is what stands before the number
    /// (`X-DocuSign-Signature-`). The first number that is missing ends them.
    #[must_use]
    pub fn numbered(mut self, last: u32) -> Self {
        let stem = self.headers.first().map_or("", KnownName::as_str);
        self.headers = (1..=last).map(|number| KnownName::new(format!("{stem}{number}"))).collect();
        self.numbered = true;
        self
    }

    /// The text before the encoded signature, such as `sha256=`.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The signature is written in hex, upper or lower case. The default.
    #[must_use]
    pub fn hex(mut self) -> Self {
        self.encoding = Encoding::Hex;
        self
    }

    /// The signature is written in lower-case hex, and upper case is refused: for providers whose own
    /// library compares the text.
    #[must_use]
    pub fn lower_hex(mut self) -> Self {
        self.encoding = Encoding::LowerHex;
        self
    }

    /// The signature is written in padded standard base64.
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// The signature is written in base64 for URLs, with or without padding.
    #[must_use]
    pub fn base64url(mut self) -> Self {
        self.encoding = Encoding::Base64Url;
        self
    }

    /// The header holds a list. Items without the prefix, or that do not decode, are passed
    /// over: providers send several while a secret rotates, and add schemes as time goes by.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        let group = self.list.and_then(|list| list.group);
        self.list = Some(Separators { item: separator, group });
        self
    }

    /// The header holds several groups of items, each with its signature, as Persona has it:
    /// `t=1716477000,v1=… t=1716477000,v1=…`.
    #[must_use]
    pub fn group_separator(mut self, separator: char) -> Self {
        let item = self.list.map_or(separator, |list| list.item);
        self.list = Some(Separators { item, group: Some(separator) });
        self
    }

    /// The key is not the secret's text but what its base64 decodes to, after this prefix where
    /// it is there (`whsec_`). Padding is optional.
    #[must_use]
    pub fn base64_secret(mut self, prefix: &str) -> Self {
        self.secret = SecretReading::Base64 { prefix: prefix.into() };
        self
    }

    /// The key is what the secret's base64 for URLs decodes to.
    #[must_use]
    pub fn base64url_secret(mut self) -> Self {
        self.secret = SecretReading::Base64Url;
        self
    }

    /// A secret with this prefix is base64, and one without it is the key's text.
    #[must_use]
    pub fn base64_or_text_secret(mut self, prefix: &str) -> Self {
        self.secret = SecretReading::Base64OrText { prefix: prefix.into() };
        self
    }

    /// Both are tried: the secret's text, and what its base64 after this prefix decodes to. For
    /// providers that changed from one to the other.
    #[must_use]
    pub fn text_or_base64_secret(mut self, prefix: &str) -> Self {
        self.secret = SecretReading::TextAndBase64 { prefix: prefix.into() };
        self
    }

    /// The secret must be ASCII: the provider changes other text before it signs.
    #[must_use]
    pub fn ascii_secret(mut self) -> Self {
        self.secret = SecretReading::Ascii;
        self
    }

    /// The key is what the secret's hex digits stand for.
    #[must_use]
    pub fn hex_secret(mut self) -> Self {
        self.secret = SecretReading::Hex;
        self
    }

    /// Step 1: the signature is there and well formed, and no header of it is there twice.
    #[inline]
    pub(super) fn read<A: Algorithm>(
        &self,
        head: &(impl RequestHead + ?Sized),
    ) -> Result<Candidates<A>, Refused<'_>> {
        let first = self.headers.first().map(KnownName::as_str);
        let prefix = self.prefix.as_bytes();
        if let ([name], None) = (&*self.headers, self.list) {
            return match head.lookup_known(name) {
                Lookup::Missing => Err(refused(RejectionKind::SignatureMissing, first)),
                Lookup::Repeated => Err(refused(RejectionKind::SignatureRepeated, first)),
                Lookup::One(value) => {
                    match strip(value, prefix).and_then(|text| A::decode(self.encoding, text)) {
                        Some(one) => Ok(Candidates::one(one)),
                        None => Err(refused(RejectionKind::SignatureMalformed, first)),
                    }
                }
            };
        }
        let mut found = Found::<A>::default();
        let mut is_there = false;
        for name in &self.headers {
            let value = match head.lookup_known(name) {
                Lookup::Missing if self.numbered => break,
                Lookup::Missing => continue,
                Lookup::Repeated => {
                    return Err(refused(RejectionKind::SignatureRepeated, Some(name.as_str())));
                }
                Lookup::One(value) => value,
            };
            is_there = true;
            found.add(self, value);
        }
        match found.candidates() {
            None if !is_there => Err(refused(RejectionKind::SignatureMissing, first)),
            // With more than anybody sends, not one of them is worth a computation.
            candidates => candidates.ok_or(refused(RejectionKind::SignatureMalformed, first)),
        }
    }

    /// The text before the signature.
    #[cfg(feature = "diagnosis")]
    pub(crate) fn own_prefix(&self) -> &str {
        &self.prefix
    }

    /// The texts in a header that may be signatures, without their prefix.
    #[inline]
    pub(super) fn texts<'v, A: Algorithm>(&'v self, value: &'v [u8]) -> Texts<'v> {
        let items = match self.list {
            None => Items::whole(value),
            Some(list) => match A::length(self.encoding) {
                Some(length) => list.items_of_length(&self.prefix, length, value),
                None => list.items(value),
            },
        };
        Texts { items, prefix: self.prefix.as_bytes() }
    }

    /// The signature's text, as the provider writes it.
    #[cfg(feature = "signing")]
    pub(crate) fn write(&self, bytes: &[u8]) -> String {
        format!("{}{}", self.prefix, self.encoding.encode(bytes))
    }
}

/// The texts in a header that may be signatures.
pub(super) struct Texts<'v> {
    items: Items<'v>,
    prefix: &'v [u8],
}

impl<'v> Texts<'v> {
    /// What is not taken apart yet.
    #[inline]
    pub(super) fn left(&self) -> &'v [u8] {
        self.items.left()
    }
}

impl<'v> Iterator for Texts<'v> {
    type Item = &'v [u8];

    #[inline]
    fn next(&mut self) -> Option<&'v [u8]> {
        self.items.find_map(|item| strip(item, self.prefix))
    }
}

/// What follows the prefix. It is short: a loop is quicker than the call that `strip_prefix` makes.
#[inline(always)]
fn strip<'i>(item: &'i [u8], prefix: &[u8]) -> Option<&'i [u8]> {
    let (start, rest) = item.split_at_checked(prefix.len())?;
    start.iter().zip(prefix).all(|(one, other)| one == other).then_some(rest)
}

fn refused(kind: RejectionKind, header: Option<&str>) -> Refused<'_> {
    Refused { kind, header }
}
