//! The fields of a form.

use std::borrow::Cow;

use super::{Found, Paths, Value};
use crate::form::fields;

/// Finds the values of all paths, each at its slot. A path is the whole name of a field.
///
/// # Errors
///
/// If the form has one of the fields twice, or one whose value is not UTF-8: with U+FFFD in its place,
/// two values would be equal.
pub(crate) fn read_form<'a>(paths: &Paths, body: &'a [u8]) -> Result<Found<'a>, &'static str> {
    let mut found = Found::none_of(paths.len());
    let places = found.places();
    for (name, value) in fields(body) {
        let place = paths.named(&name).and_then(|slot| places.get_mut(slot));
        let Some(place) = place else { continue };
        if place.is_some() {
            return Err("a field that is looked at occurs twice");
        }
        *place = Some(Value::Text(text(value).ok_or("a field that is looked at is not UTF-8")?));
    }
    Ok(found)
}

fn text(value: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match value {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(body: &str) -> Option<[Option<String>; 2]> {
        let mut paths = Paths::default();
        let slots = ["id", "a.b"].map(|path| paths.add(path).unwrap());
        let found = read_form(&paths, body.as_bytes()).ok()?;
        Some(slots.map(|slot| match found.get(slot) {
            Some(Value::Text(text)) => Some(text.to_string()),
            None => None,
            other => panic!("{other:?}"),
        }))
    }

    #[test]
    fn a_path_is_the_name_of_a_field() {
        let text = |text: &str| Some(text.to_owned());
        for (body, found) in [
            ("", [None, None]),
            ("id=7&a.b=x", [text("7"), text("x")]),
            ("a%2Eb=x+y%26&%69d=%C3%A9", [text("é"), text("x y&")]),
            ("id&a=1&b=2&a[b]=3", [text(""), None]),
            ("=id&id%00=1&ID=2", [None, None]),
            ("b=%ff&b=%fe&id=1", [text("1"), None]),
        ] {
            assert_eq!(find(body), Some(found), "{body}");
        }
    }

    #[test]
    fn a_field_that_matters_occurs_once_and_is_text() {
        for body in ["id=1&id=1", "id=1&x=2&%69%64=2", "id&id", "id=%ff", "a.b=a%c3"] {
            assert_eq!(find(body), None, "{body}");
        }
    }
}
