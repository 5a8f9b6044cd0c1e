//! What was found out, for programs and for people.

use std::time::SystemTime;

use countersign::diagnosis::{Diagnosis, Difference, Request};
use countersign::{Provider, Secret};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Serialize)]
struct Answer<'d> {
    genuine: bool,
    causes: Vec<Named<'d>>,
}

#[derive(Serialize)]
struct Named<'d> {
    cause: &'static str,
    says: &'d str,
}

/// One object on one line.
pub(super) fn json(diagnosis: &Diagnosis) -> serde_json::Result<String> {
    let named = |finding: &'_ countersign::diagnosis::Finding| finding.cause().code();
    let causes = diagnosis.findings().iter();
    let causes = causes.map(|finding| Named { cause: named(finding), says: finding.says() });
    let answer = Answer { genuine: diagnosis.is_genuine(), causes: causes.collect() };
    Ok(serde_json::to_string(&answer)? + "\n")
}

/// What was looked at.
pub(super) struct About<'a> {
    pub(super) name: &'a str,
    pub(super) provider: &'a Provider,
    pub(super) secrets: &'a [Secret],
    pub(super) request: &'a Request,
    pub(super) at: SystemTime,
}

/// Some lines.
pub(super) fn text(about: &About<'_>, diagnosis: &Diagnosis) -> String {
    let About { name, provider, secrets, request, at } = about;
    let mut lines = vec![
        match diagnosis.is_genuine() {
            true => format!("Genuine: a delivery of {name}."),
            false => format!("Not a genuine delivery of {name}."),
        },
        String::new(),
        format!("  proof    {}", provider.describe_proof()),
        format!("  body     {} bytes", request.body.len()),
    ];
    let labels: Vec<_> = secrets.iter().filter_map(Secret::label).collect();
    lines.push(format!("  secret   {}", labels.join(", then ")));
    if let Some(url) = request.url.as_ref().filter(|_| provider.signs_url()) {
        lines.push(format!("  URL      {url}"));
    }
    lines.push(format!("  fresh by {}", provider.describe_freshness()));
    if let Some(time) = diagnosis.time() {
        lines.push(format!("  sent     {}", stamp(time)));
    }
    lines.push(format!("  judged   as of {}", stamp(*at)));
    for finding in diagnosis.findings() {
        lines.extend([
            String::new(),
            finding.says().to_owned(),
            format!("  What to do: {}", finding.remedy()),
            format!("  Code: {}", finding.cause()),
        ]);
    }
    if let Some(difference) = diagnosis.difference() {
        lines.push(String::new());
        lines.extend(side_by_side(difference));
    }
    lines.join("\n") + "\n"
}

fn stamp(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}

/// The bytes around the first that differs.
fn side_by_side(difference: &Difference) -> Vec<String> {
    let received = shown(&difference.received);
    let signed = shown(&difference.signed);
    let before = shown(difference.received.get(..difference.before).unwrap_or_default());
    vec![
        format!("The body differs from the signed one from byte {} on:", difference.at),
        format!("  received  {received}"),
        format!("  signed    {signed}"),
        format!("            {}^", " ".repeat(before.chars().count())),
    ]
}

/// Text as it is, and everything that cannot be seen as an escape.
fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                character if character.is_control() || character == '\u{feff}' => {
                    out.extend(character.escape_default());
                }
                character => out.push(character),
            }
        }
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out
}
