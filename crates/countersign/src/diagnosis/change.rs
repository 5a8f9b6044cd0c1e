//! One thing that is undone, and a value with some things undone.

use std::borrow::Cow;

use super::cause::Cause;

/// One thing that is undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) cause: Cause,
    /// For people.
    pub(super) says: Cow<'static, str>,
}

/// A change of this cause.
pub(super) fn change(cause: Cause, says: impl Into<Cow<'static, str>>) -> Change {
    Change { cause, says: says.into() }
}

/// A value, and what was undone to come to it.
#[derive(Clone, Debug)]
pub(super) struct Variant<T> {
    pub(super) value: T,
    pub(super) changes: Vec<Change>,
}

impl<T> Variant<T> {
    /// The value as it was given.
    pub(super) fn given(value: T) -> Self {
        Self { value, changes: Vec::new() }
    }

    pub(super) fn cost(&self) -> usize {
        self.changes.len()
    }

    /// Another value, with one more change.
    pub(super) fn and<U>(&self, value: U, more: Change) -> Variant<U> {
        let changes = self.changes.iter().cloned().chain([more]).collect();
        Variant { value, changes }
    }

    /// Whether something of this cause was undone.
    pub(super) fn has(&self, cause: Cause) -> bool {
        self.changes.iter().any(|change| change.cause == cause)
    }
}
