//! The fields of a JSON body.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::paths::{ITEM, Paths, Set};
use super::{Found, Value};
use crate::json::Reader;

/// It says how to fix a provider of the user's own, whose author did not know of its forms.
const NOT_AN_OBJECT: &str = "that is not a JSON object; if the provider sends forms or arrays, call `form`, \
                             `form_field` or `json_array` of its builder";

/// Finds the values of all paths, each at its slot. `null` counts as missing.
///
/// # Errors
///
/// If the body is not one JSON object, or array where that may be, or has one of the fields twice.
pub(crate) fn read_json<'a>(
    paths: &Paths,
    body: &'a [u8],
    may_be_array: bool,
) -> serde_json::Result<Found<'a>> {
    let mut found = Found::none_of(paths.len());
    let mut json = Reader::exact(body);
    let node = Node { paths, set: paths.all(), depth: 0, found: found.places() };
    if may_be_array && json.is_array() {
        json.deserialize_seq(node)?;
    } else {
        json.deserialize_map(node).map_err(|error| match body.trim_ascii_start().first() {
            Some(b'{') => error,
            _ => serde_json::Error::custom(NOT_AN_OBJECT),
        })?;
    }
    json.end()?;
    Ok(found)
}

/// The value at `depth` steps into every path in `set`.
struct Node<'p, 'f, 'a> {
    paths: &'p Paths,
    set: Set,
    depth: usize,
    found: &'f mut [Option<Value<'a>>],
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

    /// A path goes into the item of an array that has one. Of several items none stands for the
    /// delivery: two deliveries can begin with the same one, and differ in the others.
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self { paths, set, depth, found } = self;
        let inside = paths.matching(set, depth, ITEM);
        let mut others = set;
        if inside != 0 {
            let item = Node { paths, set: inside, depth: depth + 1, found: &mut *found };
            if seq.next_element_seed(item)?.is_none() || seq.next_element::<IgnoredAny>()?.is_none()
            {
                others &= !inside;
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Node { paths, set, depth, found }.put(others, &Value::Other);
        Ok(())
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
        find_in(wanted, body, false)
    }

    fn find_in<const N: usize>(
        wanted: [&str; N],
        body: &str,
        may_be_array: bool,
    ) -> Option<[Option<Value<'static>>; N]> {
        let mut paths = Paths::default();
        let slots = wanted.map(|path| paths.add(path).unwrap());
        let found = read_json(&paths, body.as_bytes(), may_be_array).ok()?;
        Some(slots.map(|slot| match found.get(slot).cloned()? {
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
    fn a_path_goes_into_the_only_item_of_an_array() {
        let paths = ["0.id", "0.l.0.id", "id", "0"];
        let other = || Some(Value::Other);
        for (body, found) in [
            (
                r#"[{"id":"a","l":[{"id":7}]}]"#,
                [text("a"), Some(Value::Integer(7)), other(), other()],
            ),
            (r#"[{"id":"a","l":[{"id":7},8]}]"#, [text("a"), other(), other(), other()]),
            (r#"[{"id":"a"},{"id":"b"}]"#, [other(), other(), other(), other()]),
            (r#"[{"id":"a"},1]"#, [other(), other(), other(), other()]),
            ("[1]", [other(), other(), other(), Some(Value::Integer(1))]),
            ("[null]", [None, None, other(), None]),
            ("[]", [None, None, other(), None]),
            (r#"{"0":{"id":"a"},"id":"b"}"#, [text("a"), None, text("b"), other()]),
        ] {
            assert_eq!(find_in(paths, body, true).unwrap(), found, "{body}");
        }
        let inside = r#"{"l":[{"id":"a"}],"m":[{"id":"a"},{"id":"b"}],"n":[]}"#;
        assert_eq!(
            find(["l.0.id", "m.0.id", "n.0.id"], inside).unwrap(),
            [text("a"), other(), None]
        );
        for body in ["[", "[1", "[1,]", "[1]]", "[,]", r#"[{"id":1,"id":2}]"#, "1", "null", ""] {
            assert_eq!(find_in(["0.id"], body, true), None, "{body}");
        }
        assert_eq!(find(["0.id"], r#"[{"id":"a"}]"#), None);
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
