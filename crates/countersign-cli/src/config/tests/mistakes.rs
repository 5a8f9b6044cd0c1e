//! Files that are wrong, and what is said: the line, the field and the fix, and never a secret.

use std::path::Path;

use crate::config::{Config, Shared};

/// What is said of a file, once its endpoints are made.
fn said(text: &str) -> String {
    let config = Config::parse(Path::new("c.toml"), text, &Shared::default());
    let made = config.and_then(|config| {
        config.endpoints.iter().try_for_each(|endpoint| endpoint.make().map(drop))
    });
    made.err().unwrap_or_else(|| "nothing is wrong".to_owned())
}

#[test]
fn every_mistake_is_named_with_its_line_and_its_fix() {
    let mut wrong = Vec::new();
    let cases: Vec<_> = include_str!("mistakes.txt").split("\n---\n").collect();
    for case in &cases {
        let (text, expected) = case.split_once("\n=> ").unwrap();
        let said = said(text);
        if said != expected.trim_end() {
            wrong.push(format!("{text}\n  says     {said}\n  and not  {expected}"));
        }
        assert!(!said.contains("whsec_abc"), "it repeats a secret: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.len() >= 80, "{}", cases.len());
}
