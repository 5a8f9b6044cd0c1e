//! Step 4: one pass over the proven body finds the few fields that matter and skips the rest, of
//! which it checks the form alone.

mod form;
mod json;
mod paths;

use std::borrow::Cow;

pub(crate) use form::read_form;
pub(crate) use json::read_json;
pub(crate) use paths::{ITEM, Paths, Slot};

/// A value found in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Bool(bool),
    /// There, but of a kind that names nothing: a fraction, an array, an object, or a value of one
    /// item among several.
    Other,
}
