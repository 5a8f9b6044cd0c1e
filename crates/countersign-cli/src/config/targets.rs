//! `forward-to`: a URL for everything, or a table of patterns and URLs.

use super::document::{Mistake, Text, Value};
use crate::forward::{self, Pattern, Target, Targets};

pub(super) fn targets(given: Value<'_>) -> Result<Targets, Mistake> {
    if given.is_text() {
        let url = given.into_text()?;
        let target = target(Pattern::everything(), &url)?;
        return Targets::new(vec![target]).map_err(|problem| url.mistake(problem));
    }
    let mut targets = Vec::new();
    let mut last = None;
    let table = given.into_table()?;
    let empty = table.mistake(r#"write "PATTERN" = "URL", such as "*" = "http://127.0.0.1:3000/""#);
    for (name, url) in table.into_entries() {
        if url.is_table() {
            return Err(name.mistake(
                "a pattern with a dot needs quotes, as in \"invoice.*\" = \"http://127.0.0.1:3000/\"",
            ));
        }
        let pattern = Pattern::new(&name.text)
            .ok_or_else(|| name.mistake("a pattern is empty; write \"*\" for everything"))?;
        targets.push(target(pattern, &url.into_text()?)?);
        // At the first one that cannot be used.
        if let Err(problem) = Targets::new(targets.clone()) {
            return Err(name.mistake(problem));
        }
        last = Some(name);
    }
    match last {
        None => Err(empty),
        Some(name) => Targets::new(targets).map_err(|problem| name.mistake(problem)),
    }
}

fn target(pattern: Pattern, url: &Text) -> Result<Target, Mistake> {
    Ok(Target { pattern, url: url.named(forward::parse)? })
}
