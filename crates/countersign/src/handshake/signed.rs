//! Handshakes that the provider signs: answered once they are proven and inside the window.

use bytes::Bytes;

use super::{Condition, FieldValue, When, echo, json, may_be_echoed};
use crate::encoding::hex;
use crate::envelope::{Slot, Value};
use crate::error::ConfigError;
use crate::reply::Answered;
use crate::request_head::{Lookup, RequestHead, normalize_name};

/// What the answer is made of. A field is a path first and its slot later.
#[derive(Clone, Debug)]
pub(crate) enum Source<F> {
    Field(F),
    Header(Box<str>),
    /// JSON, or 204.
    Fixed(Option<Bytes>),
    FieldWithMac {
        field: F,
        plain: Box<str>,
        mac: Box<str>,
    },
}

impl<F> Source<F> {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Field(_) => "echo_field",
            Self::Header(_) => "echo_header",
            Self::Fixed(_) => "fixed_answer",
            Self::FieldWithMac { .. } => "echo_field_with_mac",
        }
    }

    pub(crate) fn has_mac(&self) -> bool {
        matches!(self, Self::FieldWithMac { .. })
    }
}

/// A handshake as the builder checked it.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    header: Option<(Box<str>, Box<str>)>,
    field: Option<(Slot, FieldValue)>,
    without: Option<Slot>,
    answer: Source<Slot>,
}

#[cfg(feature = "metrics")]
impl Signed {
    pub(super) fn code(&self) -> &'static str {
        self.answer.code()
    }
}

/// What an answer takes from the delivery, besides the handshake's own.
pub(crate) struct Context<'c> {
    /// The value of a field.
    pub(crate) value: &'c dyn Fn(Slot) -> Option<&'c Value<'c>>,
    /// What the head showed, see [`Signed::shown`].
    pub(crate) shown: &'c [u8],
    /// With what the provider's signed content begins.
    pub(crate) content_begins: &'c [u8],
    /// The MAC of a text.
    pub(crate) mac: &'c dyn Fn(&[u8]) -> Option<[u8; 32]>,
}

impl Signed {
    pub(crate) fn new(
        when: &When,
        answer: &Source<Box<str>>,
        mut slot: impl FnMut(&str) -> Result<Slot, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let name = |name: &str| {
            normalize_name(name).ok_or_else(|| ConfigError::InvalidHeaderName {
                field: "handshake",
                name: name.to_owned(),
            })
        };
        let (header, field) = match &when.condition {
            Condition::Field(path, value) => (None, Some((slot(path)?, value.clone()))),
            Condition::Header(header, value) => (Some((name(header)?, value.clone())), None),
        };
        let without = when.without.as_deref().map(&mut slot).transpose()?;
        let answer = match answer {
            Source::Field(path) => Source::Field(slot(path)?),
            Source::Header(header) => Source::Header(name(header)?),
            Source::Fixed(body) => Source::Fixed(body.clone()),
            Source::FieldWithMac { field, plain, mac } => {
                Source::FieldWithMac { field: slot(field)?, plain: plain.clone(), mac: mac.clone() }
            }
        };
        Ok(Self { header, field, without, answer })
    }

    /// Step 1: what the head shows of this handshake, to be kept until it is proven. Nothing if the
    /// head shows that it is not this one; empty if the head says nothing of it.
    pub(crate) fn shown<'h>(&self, head: &'h (impl RequestHead + ?Sized)) -> Option<&'h [u8]> {
        if let Some((name, value)) = &self.header
            && head.lookup(name) != Lookup::One(value.as_bytes())
        {
            return None;
        }
        let Source::Header(name) = &self.answer else { return Some(&[]) };
        match head.lookup(name) {
            Lookup::One(value) if may_be_echoed(value) => Some(value),
            _ => None,
        }
    }

    /// The answer, if the body says that this is the handshake; or what is wrong with it.
    pub(crate) fn answer(&self, context: &Context<'_>) -> Option<Result<Answered, &'static str>> {
        let is = |(slot, wanted): &(Slot, FieldValue)| match ((context.value)(*slot), wanted) {
            (Some(Value::Text(text)), FieldValue::Text(wanted)) => **text == **wanted,
            (Some(Value::Integer(number)), FieldValue::Integer(wanted)) => {
                *number == i128::from(*wanted)
            }
            _ => false,
        };
        if self.field.as_ref().is_some_and(|field| !is(field))
            || self.without.is_some_and(|slot| (context.value)(slot).is_some())
        {
            return None;
        }
        let text = |slot: Slot| match (context.value)(slot) {
            Some(Value::Text(text)) => Some(text.as_bytes()),
            _ => None,
        };
        const UNFIT: &str = "the handshake's challenge is not 1 to 256 visible ASCII characters";
        let code = self.answer.code();
        let echo = |text| echo(code, text).ok_or(UNFIT);
        Some(match &self.answer {
            Source::Field(slot) => echo(text(*slot)?),
            Source::Header(_) => echo(context.shown),
            Source::Fixed(Some(body)) => Ok(json(code, body.clone())),
            Source::Fixed(None) => {
                Ok(Answered { code, status: 204, headers: Vec::new(), body: Bytes::new() })
            }
            Source::FieldWithMac { field, plain, mac } => {
                let text = text(*field)?;
                if !may_be_echoed(text) {
                    return Some(Err(UNFIT));
                }
                if text.starts_with(context.content_begins) {
                    // Its MAC would be the signature of a delivery.
                    return Some(Err("the handshake asks for the signature of a delivery"));
                }
                let made = (context.mac)(text)?;
                let text = String::from_utf8_lossy(text);
                let object = serde_json::json!({ &**plain: text, &**mac: hex(&made) });
                Ok(json(code, object.to_string()))
            }
        })
    }
}
