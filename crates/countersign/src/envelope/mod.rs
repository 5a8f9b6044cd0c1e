//! Step 4: one pass over the proven body finds the few fields that matter and skips the rest, of
//! which it checks the form alone.

mod form;
mod json;
mod paths;

use std::borrow::Cow;

pub(crate) use form::read_form;
pub(crate) use json::read_json;
pub(crate) use paths::{ITEM, Paths, Slot};

/// What was found, each at its path's slot. A few have their place here: most providers look for
/// two to four.
pub(crate) struct Found<'a> {
    few: [Option<Value<'a>>; FEW],
    many: Vec<Option<Value<'a>>>,
    count: usize,
}

const FEW: usize = 6;

impl<'a> Found<'a> {
    /// Places for so many paths.
    pub(crate) fn none_of(count: usize) -> Self {
        let many = if count > FEW { vec![None; count] } else { Vec::new() };
        Self { few: [const { None }; FEW], many, count }
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&Value<'a>> {
        let places = if self.count > FEW { &self.many[..] } else { &self.few[..] };
        places.get(slot)?.as_ref()
    }

    fn places(&mut self) -> &mut [Option<Value<'a>>] {
        match self.count > FEW {
            true => &mut self.many,
            false => self.few.get_mut(..self.count).unwrap_or_default(),
        }
    }
}

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
