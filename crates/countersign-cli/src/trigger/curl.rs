//! The same request as a curl command.

use std::fmt::Write as _;

use countersign::signing::SignedRequest;

use super::event::Plan;
use crate::shell::{curl, curl_with, quoted, secret};

/// The command, for a POSIX shell. A token is a secret: the command reads it from where it is.
pub(super) fn command(plan: &Plan, request: &SignedRequest) -> Result<String, String> {
    let (origin, _) = super::event::split(&plan.to);
    let url = format!("{origin}{}", request.target());
    let mut command = curl(request.method(), &url);
    for (name, value) in request.headers() {
        // curl counts for itself.
        if name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        let is_token =
            plan.sender.secret_header().is_some_and(|other| other.eq_ignore_ascii_case(name));
        let argument = match is_token {
            true => token(plan, name, value),
            false => format!("-H {}", quoted(&format!("{name}: {value}"))),
        };
        let _ = write!(command, " \\\n  {argument}");
    }
    Ok(curl_with(&command, request.body(), &quoted(&url)))
}

fn token(plan: &Plan, name: &str, value: &str) -> String {
    if plan.tampered {
        return format!("-H {}", quoted(&format!("{name}: wrong")));
    }
    let source = secret(&plan.source);
    match value.split_once(' ') {
        Some(("Basic", _)) => format!("-u \"{source}\""),
        Some((word @ "Bearer", _)) => format!("-H \"{name}: {word} {source}\""),
        _ => format!("-H \"{name}: {source}\""),
    }
}
