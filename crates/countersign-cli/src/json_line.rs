//! JSON that may be shown on a terminal.

/// The same JSON, in which also those characters are escaped that JSON leaves as they are and a terminal
/// obeys: the controls from U+007F on, and those that turn the direction. They can only be in texts.
pub(crate) fn harmless(json: String) -> String {
    if !json.contains(is_obeyed) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match is_obeyed(character) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => out.push(character),
        }
    }
    out
}

fn is_obeyed(character: char) -> bool {
    matches!(
        character,
        '\u{7f}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_means_the_same() {
        let value = json!({"a\u{9b}": "\u{1b}[2J\u{7f}\u{202e}\u{2066}é\u{200d}\u{2028}"});
        let line = harmless(value.to_string());
        assert_eq!(line, "{\"a\\u009b\":\"\\u001b[2J\\u007f\\u202e\\u2066é\u{200d}\u{2028}\"}");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value);
    }
}
