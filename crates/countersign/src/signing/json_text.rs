//! JSON as text: changed and printed without losing the order of its fields or how a number is written,
//! both of which serde_json's value would lose.

use serde::de::IgnoredAny;

use super::SignError;

/// How a provider writes its JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spelling {
    /// Two spaces for each level, as Stripe does.
    pub(super) indented: bool,
    /// `/` is written `\/`.
    pub(super) escaped_slashes: bool,
    /// What is not ASCII is written `\u….`.
    pub(super) ascii: bool,
    /// Each item of the array at the top has a line of its own, and the last line an end, as SendGrid
    /// does.
    pub(super) lines: bool,
}

/// The same JSON without white space between its tokens.
pub(super) fn compact(json: &str) -> Result<String, SignError> {
    check(json)?;
    let mut out = String::with_capacity(json.len());
    let mut strings = Strings::default();
    out.extend(json.chars().filter(|character| {
        let inside = strings.take(*character);
        inside || !character.is_ascii_whitespace()
    }));
    Ok(out)
}

fn check(json: &str) -> Result<(), SignError> {
    match serde_json::from_str::<IgnoredAny>(json) {
        Ok(_) => Ok(()),
        Err(error) => Err(SignError::new(format!("the body is not JSON: {error}"))),
    }
}

/// Compact JSON as the provider writes it.
pub(super) fn spell(json: &str, spelling: Spelling) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut strings, mut depth, mut opened) = (Strings::default(), 0_usize, false);
    let new_line = |out: &mut String, depth: usize| {
        if spelling.indented {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
    };
    for character in json.chars() {
        let was_escaped = strings.escaped;
        let in_string = strings.take(character);
        let closes = !in_string && matches!(character, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        // Nothing stands between the brackets of what is empty.
        if opened != closes {
            new_line(&mut out, depth);
        }
        opened = !in_string && matches!(character, '{' | '[');
        match character {
            '/' if spelling.escaped_slashes && in_string && !was_escaped => out.push_str("\\/"),
            _ if spelling.ascii && !character.is_ascii() => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            _ => out.push(character),
        }
        match character {
            _ if in_string => {}
            '{' | '[' => depth += 1,
            ',' if spelling.lines && depth == 1 => out.push_str("\r\n"),
            ',' => new_line(&mut out, depth),
            ':' if spelling.indented => out.push(' '),
            _ => {}
        }
    }
    if spelling.lines {
        out.push_str("\r\n");
    }
    out
}

/// Tells what is inside of strings, quotes included.
#[derive(Default)]
struct Strings {
    inside: bool,
    escaped: bool,
}

impl Strings {
    fn take(&mut self, character: char) -> bool {
        let was_inside = self.inside;
        match character {
            _ if self.escaped => self.escaped = false,
            '\\' if self.inside => self.escaped = true,
            '"' => self.inside = !self.inside,
            _ => {}
        }
        was_inside || self.inside
    }
}

/// The text of the value at a path of compact JSON.
pub(super) fn get<'j>(json: &'j str, path: &str) -> Option<&'j str> {
    match find(json, path).ok()? {
        Place::Value { start, end } => json.get(start..end),
        Place::Missing { .. } => None,
    }
}

/// Compact JSON with another value at a path. Fields that are missing are added.
///
/// The value is JSON where it reads as JSON, and a text otherwise.
pub(super) fn set(json: &str, path: &str, value: &str) -> Result<String, SignError> {
    let value = match compact(value) {
        Ok(json) => json,
        Err(_) => quoted(value),
    };
    let (start, end, new) = match find(json, path)? {
        Place::Value { start, end } => (start, end, value),
        Place::Missing { at, first, field, below } => {
            let mut new = value;
            for name in below.iter().rev() {
                new = format!("{{{}:{new}}}", quoted(name));
            }
            if let Some(name) = field {
                new = format!("{}:{new}", quoted(&name));
            }
            (at, at, if first { new } else { format!(",{new}") })
        }
    };
    let (before, after) = (json.get(..start), json.get(end..));
    Ok(format!("{}{new}{}", before.unwrap_or_default(), after.unwrap_or_default()))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Where a path leads.
enum Place {
    /// To a value.
    Value { start: usize, end: usize },
    /// To a field or an item that can be added here.
    Missing { at: usize, first: bool, field: Option<String>, below: Vec<String> },
}

fn find(json: &str, path: &str) -> Result<Place, SignError> {
    let wrong = |what: &str| SignError::new(format!("no field `{path}` in the body: {what}"));
    let mut start = 0;
    let mut steps = path.split('.');
    while let Some(step) = steps.next() {
        if step.is_empty() {
            return Err(wrong("a path is names between dots, such as `data.object.id`"));
        }
        let is_array = match json.as_bytes().get(start) {
            Some(b'{') => false,
            Some(b'[') => true,
            _ => return Err(wrong(&format!("what holds `{step}` is not an object"))),
        };
        let mut at = start + 1;
        let (mut index, mut found) = (0_usize, None);
        while !matches!(json.as_bytes().get(at), Some(b'}' | b']') | None) {
            let is_it = if is_array {
                index.to_string() == step
            } else {
                let end = value_end(json, at);
                let name =
                    json.get(at..end).and_then(|name| serde_json::from_str::<String>(name).ok());
                at = end + 1; // the colon
                name.as_deref() == Some(step)
            };
            if is_it {
                found = Some(at);
                break;
            }
            at = value_end(json, at);
            index += 1;
            if json.as_bytes().get(at) == Some(&b',') {
                at += 1;
            }
        }
        match found {
            Some(value) => start = value,
            None if is_array && index.to_string() != step => {
                return Err(wrong(&format!("the array has {index} items, so `{step}` is not one")));
            }
            None => {
                return Ok(Place::Missing {
                    at,
                    first: index == 0,
                    field: (!is_array).then(|| step.to_owned()),
                    below: steps.map(str::to_owned).collect(),
                });
            }
        }
    }
    Ok(Place::Value { start, end: value_end(json, start) })
}

/// Where the value that starts here ends.
fn value_end(json: &str, start: usize) -> usize {
    let rest = json.get(start..).unwrap_or_default();
    let (mut strings, mut depth) = (Strings::default(), 0_usize);
    for (at, character) in rest.char_indices() {
        let was_inside = strings.inside;
        if strings.take(character) {
            // The quote that ends it.
            if was_inside && !strings.inside && depth == 0 {
                return start + at + 1;
            }
            continue;
        }
        match character {
            '{' | '[' => depth += 1,
            '}' | ']' if depth > 1 => depth -= 1,
            '}' | ']' if depth == 1 => return start + at + 1,
            ',' | ':' | '}' | ']' if depth == 0 => return start + at,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_and_nothing_else() {
        let json = "{ \"a b\" : [ 1.10 , \"\\\" x\" ] ,\n \"c\":null }";
        assert_eq!(compact(json).unwrap(), r#"{"a b":[1.10,"\" x"],"c":null}"#);
        assert!(compact("{").is_err());
    }

    #[test]
    fn fields_are_changed_and_added_where_they_are() {
        let json = r#"{"b":{"x":"{,}","n":1},"a":[{"k":"v"}],"e":{}}"#;
        for (path, value, expected) in [
            ("b.n", "2", r#"{"b":{"x":"{,}","n":2},"a":[{"k":"v"}],"e":{}}"#),
            ("b.x", "failed", r#"{"b":{"x":"failed","n":1},"a":[{"k":"v"}],"e":{}}"#),
            ("a.0.k", "null", r#"{"b":{"x":"{,}","n":1},"a":[{"k":null}],"e":{}}"#),
            ("a.1", "[ 1 ]", r#"{"b":{"x":"{,}","n":1},"a":[{"k":"v"},[1]],"e":{}}"#),
            ("e.f.g", "\"7\"", r#"{"b":{"x":"{,}","n":1},"a":[{"k":"v"}],"e":{"f":{"g":"7"}}}"#),
            ("z", "a \"b\"", r#"{"b":{"x":"{,}","n":1},"a":[{"k":"v"}],"e":{},"z":"a \"b\""}"#),
        ] {
            assert_eq!(set(json, path, value).unwrap(), expected, "{path}");
        }
        for bad in ["b.n.x", "a.2", "a.x", "", "b..n"] {
            assert!(set(json, bad, "1").is_err(), "{bad:?}");
        }
        assert_eq!(get(json, "a.0"), Some(r#"{"k":"v"}"#));
        assert_eq!(get(json, "a.0.none"), None);
    }

    #[test]
    fn each_spelling_is_the_same_json() {
        let json = r#"[{"a":"ä/\\/\/{","b":[],"c":{},"d":[1,{"x":true}]},2]"#;
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        for bits in 0..16 {
            let on = |bit: u8| bits & bit != 0;
            let spelling =
                Spelling { indented: on(1), escaped_slashes: on(2), ascii: on(4), lines: on(8) };
            let text = spell(json, spelling);
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(read, value, "{text}");
        }
        let json = compact(r#"{"a":[1,{"b":"x{"}],"c":{},"d":[[]]}"#).unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let indented = spell(&json, Spelling { indented: true, ..Spelling::default() });
        assert_eq!(indented, serde_json::to_string_pretty(&value).unwrap());
    }
}
