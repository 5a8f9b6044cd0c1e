//! Names of headers that are looked up in every request.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

/// The name of a header that is looked up in many requests, in lower case, and what a framework's own
/// map of headers looks it up by: to make that of a text in every request would cost more than the
/// look-up. See [`RequestHead::lookup_known`](crate::RequestHead::lookup_known).
///
/// A framework that keeps its headers by their names in capital letters looks one up like this:
///
/// ```
/// use std::collections::HashMap;
///
/// use countersign::{KnownName, Lookup, RequestHead};
///
/// struct Head(HashMap<String, Vec<String>>);
///
/// /// A type of its own, so that nobody else prepares it in another way.
/// struct InCapitals(String);
///
/// impl Head {
///     fn values(&self, name: &str) -> Lookup<'_> {
///         Lookup::of(self.0.get(name).into_iter().flatten().map(String::as_bytes))
///     }
/// }
///
/// impl RequestHead for Head {
///     fn lookup(&self, name: &str) -> Lookup<'_> {
///         self.values(&name.to_ascii_uppercase())
///     }
///
///     fn lookup_known(&self, name: &KnownName) -> Lookup<'_> {
///         match name.prepared(|name| InCapitals(name.to_ascii_uppercase())) {
///             Some(InCapitals(name)) => self.values(name),
///             None => self.lookup(name.as_str()),
///         }
///     }
/// }
/// ```
pub struct KnownName {
    text: Cow<'static, str>,
    /// Two, for a process with two frameworks.
    prepared: [OnceLock<Box<dyn Any + Send + Sync>>; 2],
}

impl KnownName {
    /// A name that is in lower case, or will be replaced by what is before it is looked up.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self::of(Cow::Owned(text.into()))
    }

    /// The same for a static.
    pub(crate) const fn of(text: Cow<'static, str>) -> Self {
        Self { text, prepared: [const { OnceLock::new() }; 2] }
    }

    /// The name, in lower case.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What `prepare` makes of the name. It is made once, and kept by its type as long as the name is: whoever
    /// else in the process prepares the same type gets it too, so let it be a type of the framework's or of
    /// your own. Nothing if two other types are kept already: then look the header up by
    /// [`as_str`](Self::as_str).
    #[inline]
    pub fn prepared<T: Any + Send + Sync>(&self, prepare: impl Fn(&str) -> T) -> Option<&T> {
        let make = || -> Box<dyn Any + Send + Sync> { Box::new(prepare(self.as_str())) };
        self.prepared.iter().find_map(|place| place.get_or_init(make).downcast_ref())
    }
}

/// What is prepared stays with the original.
impl Clone for KnownName {
    fn clone(&self) -> Self {
        Self::of(self.text.clone())
    }
}

impl fmt::Debug for KnownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_prepared_is_made_once_for_each_of_two_types() {
        let name = KnownName::new("x-signature");
        let length = |name: &str| name.len();
        assert_eq!(name.prepared(length), Some(&11));
        assert_eq!(name.prepared(str::to_ascii_uppercase), Some(&"X-SIGNATURE".to_owned()));
        assert_eq!(name.prepared(|_| 0_usize), Some(&11));
        assert_eq!(name.prepared(|_| String::new()), Some(&"X-SIGNATURE".to_owned()));
        assert_eq!(name.prepared(|_| 'x'), None);
        assert_eq!(name.clone().prepared(|_| 'x'), Some(&'x'));
    }
}
