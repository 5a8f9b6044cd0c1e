//! What is known of the providers.

use std::sync::LazyLock;

use serde::Deserialize;

/// One provider. Whatever a provider has not is empty.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub id: String,
    pub kind: Kind,
    #[serde(default)]
    pub hash: Option<Hash>,
    /// The header with the signature or the token.
    pub header: String,
    /// Further headers with signatures.
    #[serde(default)]
    pub also_headers: Vec<String>,
    #[serde(default)]
    pub syntax: Syntax,
    /// How many numbered headers there may be; `header` is the first.
    #[serde(default)]
    pub numbered_max: u32,
    /// Between the items of the header.
    #[serde(default)]
    pub separator: Option<char>,
    /// Between whole groups of items.
    #[serde(default)]
    pub group_separator: Option<char>,
    /// The text before a signature or token.
    #[serde(default)]
    pub prefix: String,
    #[serde(default)]
    pub encoding: Option<Encoding>,
    /// Whether the provider's library takes hex digits in upper case.
    #[serde(default)]
    pub case: Option<Case>,
    /// How the key is written in the secret.
    pub key: String,
    #[serde(default)]
    pub key_prefix: String,
    /// The parts of the signed content, in order.
    #[serde(default)]
    pub signed: Vec<String>,
    #[serde(default)]
    pub time: Option<Time>,
    /// How old and how far in the future the time may be, in seconds.
    #[serde(default)]
    window: Option<(i64, i64)>,
    #[serde(default)]
    pub id_header: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Hmac,
    Token,
    Ed25519,
    EcdsaP256,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Syntax {
    /// One value.
    #[default]
    Plain,
    /// Items; those without the prefix are passed over, and so are spaces around them.
    List,
    /// The first item is the time, the others are signatures.
    Positional,
    /// The header's name ends in a number.
    Numbered,
    /// Several headers.
    Multi,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    Hex,
    Base64,
    Base64url,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Case {
    Lower,
    Any,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Time {
    pub place: Place,
    #[serde(default)]
    pub header: String,
    /// The text before the time in its item, or the field of the body.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    Header,
    ListItem,
    Body,
}

/// Where nobody states the unit, countersign takes any. Where the time stands right beside the body,
/// that would let bytes move between the two, so the row assumes one.
const ASSUMED: &[(&str, &str)] =
    &[("airwallex", "ms"), ("close", "s"), ("configcat", "s"), ("klaviyo", "s")];

/// Where nobody states a window, countersign has one of five minutes.
const FIVE_MINUTES: (i64, i64) = (300, 300);

impl Facts {
    /// Every provider that has a row, in the order of their ids.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Facts>> = LazyLock::new(|| {
            serde_json::from_str(include_str!("providers.json")).expect("the extract is sound")
        });
        &ALL
    }

    /// How the time is written.
    pub fn unit(&self) -> &str {
        let stated = self.time.as_ref().and_then(|time| time.unit.as_deref());
        let assumed = || ASSUMED.iter().find(|(id, _)| *id == self.id).map(|(_, unit)| *unit);
        stated.or_else(assumed).unwrap_or("s-or-ms-or-rfc3339")
    }

    /// The window in milliseconds: past and future.
    pub fn window(&self) -> (i64, i64) {
        let (past, future) = self.window.unwrap_or(FIVE_MINUTES);
        (past * 1_000, future * 1_000)
    }

    /// Whether the time stands beside another signed part with nothing between.
    pub fn time_touches(&self) -> bool {
        let literal = |part: &String| part.starts_with("literal:");
        self.signed
            .windows(2)
            .any(|pair| pair.iter().any(|part| part == "timestamp") && !pair.iter().any(literal))
    }

    /// Whether a public key verifies the signature.
    pub fn has_public_key(&self) -> bool {
        matches!(self.kind, Kind::Ed25519 | Kind::EcdsaP256)
    }
}
