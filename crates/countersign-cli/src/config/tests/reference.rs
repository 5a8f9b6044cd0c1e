//! The reference names every field that a file may have.

use std::path::Path;

use crate::config::{Config, Shared};

/// The fields that there are where this text ends, from what is said of one that does not exist.
fn fields(text: &str) -> Vec<String> {
    let text = format!("{text}\nthere-is-none-of-this-name = 1");
    let said = Config::parse(Path::new("c.toml"), &text, &Shared::default()).unwrap_err();
    let (_, fields) = said.split_once("the fields are ").unwrap_or_else(|| panic!("{said}"));
    fields.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reference_has_every_field() {
    let page = include_str!("../../../CONFIG.md");
    let mut missing = Vec::new();
    let mut count = 0;
    for (table, inner) in [
        ("", ""),
        ("[inspect]", "addr = \"a\""),
        ("[[endpoint]]", "id = \"a\"\nprovider = \"github\"\nsecrets = \"env:A\""),
        ("[[provider]]", "id = \"a\""),
        ("[[provider]]\nid = \"a\"\n[provider.hmac-sha256]", "header = \"a\""),
        ("[[provider]]\nid = \"a\"\n[provider.shared-token]", "header = \"a\""),
        ("[[provider]]\nid = \"a\"\n[provider.timestamp]", "header = \"a\""),
        ("[[provider]]\nid = \"a\"\n[provider.handshake]", "echo-query = \"a\""),
        (
            "[[provider]]\nid = \"a\"\n[provider.handshake]",
            "when-field = \"a\"\nis = 1\nanswer-nothing = true",
        ),
    ] {
        for field in fields(&format!("{table}\n{inner}")) {
            count += 1;
            let named = [
                format!("`{field}`"),
                format!("`{field} ="),
                format!("`[{field}]`"),
                format!("`[[{field}]]`"),
            ];
            // In an example of a table it is between others.
            let within = [format!(" {field} = "), format!("\n{field} = ")];
            if !named.iter().chain(&within).any(|name| page.contains(name)) {
                missing.push(format!("{table} {field}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 90, "{count}");
}
