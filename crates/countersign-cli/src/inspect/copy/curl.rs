//! A curl command that sends a delivery as it was received, with its own signature.

use std::fmt::Write as _;

use countersign::Secret;
use countersign::signing::Signer;

use super::super::App;
use super::super::problem::Problem;
use super::super::redact;
use super::is_of_connection;
use crate::listen::Current;
use crate::record::Record;
use crate::shell;

/// The variable for a token whose source is not known.
const TOKEN: &str = "env:COUNTERSIGN_TOKEN";

pub(super) fn command(
    app: &App,
    record: &Record,
    current: Option<&Current>,
) -> Result<String, Problem> {
    let url = format!("{}{}", app.about.listening, redact::target(&record.uri));
    let mut command = shell::curl(record.method.as_str(), &url);
    let is_token = |name: &str| {
        let mut names = current.into_iter().flat_map(|current| current.endpoint.secret_headers());
        names.any(|token| token.eq_ignore_ascii_case(name))
    };
    let mut hidden = Vec::new();
    let mut unreadable = Vec::new();
    for (name, value) in &record.headers {
        let name = name.as_str();
        if is_of_connection(name) {
            continue;
        }
        let argument = match (std::str::from_utf8(value.as_bytes()), current) {
            (_, Some(current)) if is_token(name) => token(current, name),
            _ if app.redaction.hides(name) => {
                hidden.push(name);
                continue;
            }
            (Ok(value), _) => format!("-H {}", shell::quoted(&format!("{name}: {value}"))),
            (Err(_), _) => {
                unreadable.push(name);
                continue;
            }
        };
        let _ = write!(command, " \\\n  {argument}");
    }
    // curl would say that it is a form.
    if !record.headers.contains_key("content-type") && !record.body.is_empty() {
        let _ = write!(command, " \\\n  -H 'content-type:'");
    }
    let url = shell::quoted(&url);
    let command = match record.body.is_empty() {
        true => format!("{command} \\\n  {url}"),
        false => shell::curl_with(&command, &record.body, &url),
    };
    Ok(format!("{}{command}\n", notes(current, &hidden, &unreadable)))
}

/// What the reader should know, as comments before the command.
fn notes(current: Option<&Current>, hidden: &[&str], unreadable: &[&str]) -> String {
    let mut notes = String::from("# As it was received, with its own signature");
    if let Some(window) = current.and_then(|current| current.endpoint.window()) {
        let past = humantime::format_duration(window.past);
        let _ = write!(notes, ", which is refused once it is older than {past}");
    }
    notes.push_str(".\n");
    if !hidden.is_empty() {
        let _ =
            writeln!(notes, "# Left out, because they may hold secrets: {}.", hidden.join(", "));
    }
    if !unreadable.is_empty() {
        let _ =
            writeln!(notes, "# Left out, because they are not text: {}.", unreadable.join(", "));
    }
    notes
}

/// The header whose value is the token. The shell puts it in.
fn token(current: &Current, name: &str) -> String {
    /// It stands for the token in a header of the right form. The colon is for a user and password.
    const STAND_IN: &str = "stand:in";
    let labels = current.secrets.iter().filter_map(Secret::label);
    let source = labels.map(shell::secret).find(|text| !text.is_empty());
    let source = source.unwrap_or_else(|| shell::secret(TOKEN));
    let value = Secret::new(STAND_IN).ok().and_then(|secret| {
        let headers = Signer::new(current.endpoint.provider(), &secret).try_sign("").ok()?;
        let header = headers.into_iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value)
    });
    match value.as_deref().map(|value| (value.strip_suffix(STAND_IN), value)) {
        Some((None, value)) if value.starts_with("Basic ") => format!("-u \"{source}\""),
        Some((Some(prefix), _)) => format!("-H \"{name}: {prefix}{source}\""),
        _ => format!("-H \"{name}: {source}\""),
    }
}
