//! HMAC-SHA256 over signed content.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::encoding::{Encoding, decode_base64};
use crate::headers::{Headers, Lookup};
use crate::rejection::RejectionKind;
use crate::scheme::content::{SignedContent, Texts};
use crate::secret::Secret;

/// Where a provider puts its HMAC-SHA256 signature and how it writes it, for
/// [`ProviderBuilder::hmac_sha256`](crate::ProviderBuilder::hmac_sha256).
///
/// Parsing is strict: the header holds the prefix and the encoded MAC and nothing else.
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
    pub(crate) header: Box<str>,
    prefix: Box<str>,
    encoding: Encoding,
    pub(crate) separator: Option<char>,
    secret_prefix: Option<Box<str>>,
}

impl Signature {
    /// A signature in this header, in hex and without prefix until told otherwise.
    #[must_use]
    pub fn header(name: &str) -> Self {
        Self {
            header: name.into(),
            prefix: Box::default(),
            encoding: Encoding::Hex,
            separator: None,
            secret_prefix: None,
        }
    }

    /// The text before the encoded MAC, such as `sha256=`.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The MAC is written in hex, upper or lower case. The default.
    #[must_use]
    pub fn hex(mut self) -> Self {
        self.encoding = Encoding::Hex;
        self
    }

    /// The MAC is written in padded standard base64.
    #[must_use]
    pub fn base64(mut self) -> Self {
        self.encoding = Encoding::Base64;
        self
    }

    /// The header holds a list. Items without the prefix, or that do not decode, are passed
    /// over: providers send several while a secret rotates, and add schemes as time goes by.
    #[must_use]
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = Some(separator);
        self
    }

    /// The key is not the secret's text but what its base64 decodes to, after this prefix where
    /// it is there (`whsec_`). Padding is optional.
    #[must_use]
    pub fn base64_secret(mut self, prefix: &str) -> Self {
        self.secret_prefix = Some(prefix.into());
        self
    }

    /// Whether the key is what a secret's base64 decodes to.
    pub(crate) fn takes_base64_secret(&self) -> bool {
        self.secret_prefix.is_some()
    }

    /// Step 1: the signature is there, once, and well formed.
    pub(crate) fn read(
        &self,
        headers: &(impl Headers + ?Sized),
    ) -> Result<Candidates, RejectionKind> {
        let value = match headers.lookup(&self.header) {
            Lookup::Missing => return Err(RejectionKind::SignatureMissing),
            Lookup::Repeated => return Err(RejectionKind::SignatureRepeated),
            Lookup::One(value) => value,
        };
        let decode =
            |item: &[u8]| self.encoding.decode_32(item.strip_prefix(self.prefix.as_bytes())?);
        let candidates = match self.separator {
            None => Candidates::collect(decode(value).into_iter()),
            Some(separator) => Candidates::collect(list_items(value, separator).filter_map(decode)),
        };
        candidates.ok_or(RejectionKind::SignatureMalformed)
    }

    /// Prepares the MAC's state for a secret, once for all deliveries.
    pub(crate) fn key(&self, secret: &Secret) -> Option<HmacKey> {
        let secret_bytes = secret.expose();
        let state = match &self.secret_prefix {
            None => Mac::new_from_slice(secret_bytes),
            Some(prefix) => {
                let text = secret_bytes.strip_prefix(prefix.as_bytes()).unwrap_or(secret_bytes);
                let key = decode_base64(text).filter(|key| key.iter().any(|byte| *byte != 0))?;
                Mac::new_from_slice(&key)
            }
        };
        Some(HmacKey { state: state.ok()?, label: secret.shared_label() })
    }

    #[cfg(feature = "testing")]
    pub(crate) fn write(&self, mac: &[u8; 32]) -> String {
        let mut text = self.prefix.to_string();
        match self.encoding {
            Encoding::Hex => drop(crate::encoding::write_hex(mac, &mut text)),
            Encoding::Base64 => text.push_str(&crate::encoding::encode_base64(mac)),
        }
        text
    }
}

/// The items of a list header, without the spaces around them.
pub(crate) fn list_items(value: &[u8], separator: char) -> impl Iterator<Item = &[u8]> {
    value.split(move |byte| char::from(*byte) == separator).map(<[u8]>::trim_ascii)
}

/// The signatures that a delivery carries. One of them must be the MAC.
#[derive(Clone, Debug)]
pub(crate) struct Candidates {
    first: [u8; 32],
    /// Present while a secret rotates.
    second: Option<[u8; 32]>,
    more: Vec<[u8; 32]>,
}

impl Candidates {
    fn collect(mut found: impl Iterator<Item = [u8; 32]>) -> Option<Self> {
        Some(Self { first: found.next()?, second: found.next(), more: found.collect() })
    }

    /// Compares every candidate, in a time that depends on their number alone.
    pub(crate) fn contain(&self, mac: &[u64; 4]) -> bool {
        let others = self
            .second
            .iter()
            .chain(&self.more)
            .fold(Choice::from(0), |any, other| any | equal(other, mac));
        (equal(&self.first, mac) | others).into()
    }
}

/// Compares in constant time, eight bytes at a step.
fn equal(left: &[u8; 32], right: &[u64; 4]) -> Choice {
    let pairs = words(left).into_iter().zip(right);
    pairs.fold(0, |difference, (left, right)| difference | (left ^ right)).ct_eq(&0)
}

fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

pub(crate) type Mac = Hmac<Sha256>;

/// A secret as prepared MAC state.
pub(crate) struct HmacKey {
    state: Mac,
    pub(crate) label: Option<Arc<str>>,
}

impl HmacKey {
    /// A MAC that has taken all that stands before the body.
    #[inline]
    pub(crate) fn start(&self, content: &SignedContent, texts: &Texts) -> Mac {
        let mut mac = self.state.clone();
        content.feed_before(texts, |bytes| mac.update(bytes));
        mac
    }
}

/// Ends a MAC that has taken the body.
///
/// The result is wiped when dropped: over a forged body it would be the forger's missing piece.
/// It is in words because that is how it is compared, and wiped at a quarter of the cost.
#[inline]
pub(crate) fn finish(mut mac: Mac, content: &SignedContent, texts: &Texts) -> Zeroizing<[u64; 4]> {
    content.feed_after(texts, |bytes| mac.update(bytes));
    Zeroizing::new(words(&mac.finalize().into_bytes().into()))
}
