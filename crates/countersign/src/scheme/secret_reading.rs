//! From a secret as the provider shows it to the key.

use zeroize::Zeroizing;

use crate::encoding::{decode_base64, decode_base64url, decode_hex_any};

/// How the key is written in the secret.
#[derive(Clone, Debug)]
pub(crate) enum SecretReading {
    /// The key is the text.
    Text,
    /// The same, and only ASCII will do.
    Ascii,
    /// The key is what the base64 stands for, after this prefix where it is there.
    Base64 { prefix: Box<str> },
    /// The same for the alphabet for URLs.
    Base64Url,
    /// With the prefix it is base64, without it the text.
    Base64OrText { prefix: Box<str> },
    /// Both the text and what the base64 after the prefix stands for.
    TextAndBase64 { prefix: Box<str> },
    /// The key is what the hex digits stand for.
    Hex,
}

type Key = Zeroizing<Vec<u8>>;

impl SecretReading {
    /// The keys that a secret may stand for; none if it is not of this form.
    pub(super) fn read(&self, secret: &[u8]) -> Vec<Key> {
        let text = || Some(Zeroizing::new(secret.to_vec()));
        let base64 =
            |prefix: &str| decode_base64(secret.strip_prefix(prefix.as_bytes()).unwrap_or(secret));
        let read = match self {
            Self::Text => [text(), None],
            Self::Ascii => [text().filter(|text| text.is_ascii()), None],
            Self::Base64 { prefix } => [base64(prefix), None],
            Self::Base64Url => [decode_base64url(secret), None],
            Self::Base64OrText { prefix } if secret.starts_with(prefix.as_bytes()) => {
                [base64(prefix), None]
            }
            Self::Base64OrText { .. } => [text(), None],
            Self::TextAndBase64 { prefix } => [text(), base64(prefix)],
            Self::Hex => [decode_hex_any(secret), None],
        };
        // A key of zeros is what a mistake leaves behind.
        read.into_iter().flatten().filter(|key| key.iter().any(|byte| *byte != 0)).collect()
    }

    pub(super) fn expected(&self) -> &'static str {
        match self {
            Self::Text | Self::Base64OrText { .. } | Self::TextAndBase64 { .. } => "text",
            Self::Ascii => "ASCII",
            Self::Base64 { .. } => "base64",
            Self::Base64Url => "base64url",
            Self::Hex => "hex",
        }
    }

    /// What stands before the base64, where there is something.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Self::Base64 { prefix }
            | Self::Base64OrText { prefix }
            | Self::TextAndBase64 { prefix } => prefix,
            Self::Text | Self::Ascii | Self::Base64Url | Self::Hex => "",
        }
    }

    /// Whether the key is what base64 stands for.
    pub(crate) fn takes_base64(&self) -> bool {
        matches!(self, Self::Base64 { .. } | Self::Base64Url)
    }

    /// Whether the key is the text itself.
    pub(crate) fn takes_text(&self) -> bool {
        matches!(self, Self::Text | Self::Ascii)
    }

    /// How a key is written so that this reads it.
    #[cfg(feature = "diagnosis")]
    pub(super) fn reads(&self) -> crate::diagnosis::Reads<'_> {
        use crate::diagnosis::Reads;
        match self {
            Self::Text | Self::Ascii | Self::TextAndBase64 { .. } => Reads::Text,
            Self::Base64 { prefix } | Self::Base64OrText { prefix } => Reads::Base64(prefix),
            Self::Base64Url => Reads::Base64Url,
            Self::Hex => Reads::Hex,
        }
    }
}
