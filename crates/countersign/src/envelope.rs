//! Step 4: one pass over the proven JSON finds the few fields that matter and skips the rest, of
//! which it checks the form alone.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::json::Reader;

/// Where a path's value lies among those that [`read`] found.
pub(crate) type Slot = usize;

/// The paths to look for. A path is field names between dots: `incident.id`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths(Vec<Box<[Box<str>]>>);

impl Paths {
    /// Adds a path and tells its slot; nothing if it is no path.
    pub(crate) fn add(&mut self, path: &str) -> Option<Slot> {
        if !is_path(path) {
            return None;
        }
        let steps: Box<[Box<str>]> = path.split('.').map(Into::into).collect();
        if let Some(slot) = self.0.iter().position(|other| *other == steps) {
            return Some(slot);
        }
        if self.0.len() >= Set::BITS as usize {
            return None;
        }
        self.0.push(steps);
        Some(self.0.len() - 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path at a slot, as it was added.
    pub(crate) fn path(&self, slot: Slot) -> String {
        self.0.get(slot).map(|steps| steps.join(".")).unwrap_or_default()
    }

    /// Of the paths in `set`, those whose step at `depth` is `name`.
    fn matching(&self, set: Set, depth: usize, name: &str) -> Set {
        self.filter(set, |path| path.get(depth).is_some_and(|step| **step == *name))
    }

    /// Of the paths in `set`, those that end at `depth`.
    fn ending(&self, set: Set, depth: usize) -> Set {
        self.filter(set, |path| path.len() == depth)
    }

    fn filter(&self, set: Set, keep: impl Fn(&[Box<str>]) -> bool) -> Set {
        let bits = self.0.iter().enumerate().map(|(slot, path)| (1 << slot, path));
        bits.filter(|(bit, path)| set & bit != 0 && keep(path)).fold(0, |set, (bit, _)| set | bit)
    }
}

/// Whether this leads to a field of a body. A header's name, a JSON Pointer (`/data/type`) and
/// JSONPath (`$.items[0].type`) would lead nowhere, in silence: every delivery would be refused.
fn is_path(path: &str) -> bool {
    let is_step = |step: &str| {
        !step.is_empty() && step.trim() == step && !step.contains(['/', '[', ']', '*', '$'])
    };
    // `event-data` is a field of Mailgun's, `X-GitHub-Event` and `Linear-Event` are headers.
    let begins_high = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
    let is_header = path.contains('-')
        && !path.contains('.')
        && (path.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
            || path.split('-').all(begins_high));
    path.split('.').all(is_step) && !is_header
}

/// A set of paths, one bit a slot.
type Set = u32;

/// A value found in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Integer(i128),
    Bool(bool),
    /// There, but of a kind that names nothing: a fraction, an array, an object.
    Other,
}

/// Finds the values of all paths, each at its slot. `null` counts as missing.
///
/// # Errors
///
/// If the body is not one JSON object, or has one of the fields twice.
pub(crate) fn read<'a>(
    paths: &Paths,
    body: &'a [u8],
) -> serde_json::Result<Vec<Option<Value<'a>>>> {
    let mut found = vec![None; paths.0.len()];
    let mut json = Reader::exact(body);
    let all = paths.filter(Set::MAX, |_| true);
    json.deserialize_map(Node { paths, set: all, depth: 0, found: &mut found })?;
    json.end()?;
    Ok(found)
}

/// The value at `depth` steps into every path in `set`.
struct Node<'p, 'f, 'a> {
    paths: &'p Paths,
    set: Set,
    depth: usize,
    found: &'f mut Vec<Option<Value<'a>>>,
}

impl<'a> Node<'_, '_, 'a> {
    /// A value that is no object. A path that goes on inside it is there, but of another kind than
    /// the provider sends; it must not pass for one that is missing.
    fn keep<E>(mut self, value: Value<'a>) -> Result<(), E> {
        let ending = self.paths.ending(self.set, self.depth);
        self.put(ending, &value);
        self.put(self.set & !ending, &Value::Other);
        Ok(())
    }

    fn put(&mut self, set: Set, value: &Value<'a>) {
        for (slot, place) in self.found.iter_mut().enumerate() {
            if set & 1 << slot != 0 {
                *place = Some(value.clone());
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { paths, set, depth, found } = self;
        let mut seen = 0;
        while let Some(inside) = map.next_key_seed(Name { paths, set, depth })? {
            if inside == 0 {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if seen & inside != 0 {
                return Err(A::Error::custom("a field that is looked at occurs twice"));
            }
            seen |= inside;
            map.next_value_seed(Node { paths, set: inside, depth: depth + 1, found })?;
        }
        // An object where a value was looked for.
        Node { paths, set, depth, found }.put(paths.ending(set, depth), &Value::Other);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.keep(Value::Other)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        self.keep(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.keep(Value::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.keep(Value::Integer(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.keep(Value::Other)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.keep(Value::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A field's name, read as the set of paths that go on inside it.
struct Name<'p> {
    paths: &'p Paths,
    set: Set,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Set;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Set, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Set;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Set, E> {
        Ok(self.paths.matching(self.set, self.depth, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<const N: usize>(wanted: [&str; N], body: &str) -> Option<[Option<Value<'static>>; N]> {
        let mut paths = Paths::default();
        let slots = wanted.map(|path| paths.add(path).unwrap());
        let found = read(&paths, body.as_bytes()).ok()?;
        Some(slots.map(|slot| match found[slot].clone()? {
            Value::Text(text) => Some(Value::Text(Cow::Owned(text.into_owned()))),
            Value::Integer(number) => Some(Value::Integer(number)),
            Value::Bool(value) => Some(Value::Bool(value)),
            Value::Other => Some(Value::Other),
        }))
    }

    fn text(text: &str) -> Option<Value<'static>> {
        Some(Value::Text(Cow::Owned(text.to_owned())))
    }

    #[test]
    fn values_are_found_by_path() {
        let body = r#"{"a":{"id":"x","b":{"id":7}},"id":"y","n":null,"f":1.5,"l":[{"id":"z"}],"t":true,"\u0069d2":"e\u0041"}"#;
        assert_eq!(
            find(["a.id", "a.b.id", "id", "n", "f", "l", "l.id", "t", "id2", "a", "missing"], body)
                .unwrap(),
            [
                text("x"),
                Some(Value::Integer(7)),
                text("y"),
                None,
                Some(Value::Other),
                Some(Value::Other),
                Some(Value::Other),
                Some(Value::Bool(true)),
                text("eA"),
                Some(Value::Other),
                None,
            ]
        );
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        for body in [
            "",
            "[]",
            "1",
            "null",
            r#""id""#,
            "{",
            r#"{"id":"#,
            r#"{"id":1}x"#,
            "{}{}",
            "\u{feff}{}",
            r#"{"id":1,}"#,
            "{'id':1}",
        ] {
            assert_eq!(find(["id"], body), None, "{body}");
        }
        assert_eq!(find(["id"], " {} \n"), Some([None]));
    }

    #[test]
    fn a_field_that_matters_occurs_once() {
        assert_eq!(find(["a.id"], r#"{"a":{"id":1,"id":2}}"#), None);
        assert_eq!(find(["a.id"], r#"{"a":{"id":1},"a":{}}"#), None);
        assert!(find(["a.id"], r#"{"b":1,"b":2}"#).is_some());
    }

    #[test]
    fn integers_beyond_64_bits_name_nothing() {
        // As fractions they would be equal, and two events would be one.
        for number in ["18446744073709551616", "18446744073709551617", "-9223372036854775809"] {
            assert_eq!(
                find(["id"], &format!(r#"{{"id":{number}}}"#)).unwrap(),
                [Some(Value::Other)]
            );
        }
        assert_eq!(
            find(["id"], r#"{"id":18446744073709551615}"#).unwrap(),
            [Some(Value::Integer(u64::MAX.into()))]
        );
    }

    #[test]
    fn deep_nesting_is_refused_or_skipped_without_overflow() {
        let deep = "[".repeat(100_000);
        assert_eq!(find(["id"], &format!(r#"{{"id":{deep}}}"#)), None);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(find(["id"], &format!(r#"{{"x":{deep},"id":1}}"#)).is_some());
    }
}
