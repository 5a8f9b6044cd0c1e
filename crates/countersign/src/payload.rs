//! Which bytes of a proven body hold the event, and how they are written.

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::{DeserializeOwned, Error as _};

use crate::delivery::Delivery;
use crate::envelope::ITEM;
use crate::error::ConfigError;
use crate::form;
use crate::scheme::content::{Part, SignedContent};

/// What a body holds, for readers of your own: see [`Delivery::payload`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Payload<'a> {
    /// JSON: the body itself, or the decoded field of a form that holds it.
    Json(&'a Bytes),
    /// A form that is the event itself: the body.
    Form(&'a Bytes),
    /// Neither: the body.
    Other(&'a Bytes),
}

/// Which bodies a provider sends, besides JSON objects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bodies {
    /// Arrays at the top.
    pub(crate) array: bool,
    /// Forms whose field of this name holds the JSON.
    pub(crate) field: Option<Box<str>>,
    /// Forms that are the event themselves.
    pub(crate) form: bool,
    /// What nobody reads.
    pub(crate) other: bool,
    /// Whether the fields of a form are signed, and not the body's bytes.
    pub(crate) sorted: bool,
}

/// How one body is read.
#[derive(Clone, Debug)]
pub(crate) enum Reading {
    Json,
    /// JSON in the form's field, decoded.
    Field(Bytes),
    Form,
    Other,
}

impl Bodies {
    /// The bodies that a signature with this content can cover.
    pub(crate) fn checked(mut self, content: &SignedContent) -> Result<Self, ConfigError> {
        if let Some(name) = self.field.as_deref().filter(|name| name.is_empty()) {
            return Err(ConfigError::InvalidPath { field: "form_field", path: name.to_owned() });
        }
        self.sorted = content.contains(&Part::SortedForm);
        self.form |= self.sorted && self.field.is_none();
        if content.needs_json() && (self.has_forms() || self.other) {
            return Err(ConfigError::BodyBesideHead);
        }
        Ok(self)
    }

    /// Whether a path can lead to something that is proven.
    pub(crate) fn check_path(&self, field: &'static str, path: &str) -> Result<(), ConfigError> {
        let at = || path.to_owned();
        if self.sorted && self.field.is_none() {
            return Err(ConfigError::FieldOfSortedForm { field, path: at() });
        }
        if !self.array && path.split('.').next() == Some(ITEM) {
            return Err(ConfigError::ArrayNotSent { field, path: at() });
        }
        Ok(())
    }

    /// Whether some of them are forms.
    pub(crate) fn has_forms(&self) -> bool {
        self.form || self.field.is_some()
    }

    /// Decides by the proven bytes alone. The `Content-Type` is not under the proof: whoever replays a
    /// delivery with another one would make another event of the same bytes.
    ///
    /// What begins as JSON objects and arrays do is JSON. No form begins so, because these characters
    /// are escaped in a form. Where the fields are signed and not the bytes, every body is a form:
    /// the same fields could be sent in another order that begins so.
    pub(crate) fn reading(&self, body: &[u8]) -> Result<Reading, Cow<'static, str>> {
        if !self.has_forms() && !self.other || begins_as_json(body) && !self.sorted {
            return Ok(Reading::Json);
        }
        if let Some(name) = self.field.as_deref() {
            let mut values = form::fields(body).filter(|(other, _)| **other == *name.as_bytes());
            match (values.next(), values.next()) {
                (Some(_), Some(_)) => {
                    return Err(format!("the form field `{name}` is there twice").into());
                }
                // Where a name ends and its value begins is not signed, nor where the value ends.
                (Some(_), None) if self.sorted && form::fields(body).count() > 1 => {
                    return Err(format!("the form has other fields beside `{name}`").into());
                }
                (Some((_, json)), None) if begins_as_json(&json) => {
                    return Ok(Reading::Field(json.into_owned().into()));
                }
                (Some(_), None) => {
                    return Err(format!("the form field `{name}` holds no JSON").into());
                }
                // A boundary that is not signed could have been moved to hide the field.
                (None, _) if (self.form || self.other) && !self.sorted => {}
                (None, _) => {
                    return Err(format!(
                        "the body is neither JSON nor a form with a field `{name}`"
                    )
                    .into());
                }
            }
        }
        Ok(if self.form { Reading::Form } else { Reading::Other })
    }
}

fn begins_as_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Reads the event into a type of the user's.
pub(crate) fn read_own<T: DeserializeOwned>(delivery: &Delivery) -> serde_json::Result<T> {
    match delivery.reading() {
        Reading::Json => crate::json::read_own(delivery.body()),
        Reading::Field(json) => crate::json::read_own(json).map_err(|error| {
            let name = delivery.json_field();
            serde_json::Error::custom(format_args!("the JSON in the form field `{name}`: {error}"))
        }),
        Reading::Form => form::read_own(delivery.body()),
        Reading::Other => Err(no_json()),
    }
}

/// What is said of a form where only JSON will do.
pub(crate) fn form_not_json() -> serde_json::Error {
    serde_json::Error::custom("the body is a form and not JSON: read it with `FromDelivery`")
}

/// What is said of a body that nobody here reads.
pub(crate) fn no_json() -> serde_json::Error {
    serde_json::Error::custom(
        "the body is neither JSON nor a form; its bytes are in `Delivery::body`",
    )
}
