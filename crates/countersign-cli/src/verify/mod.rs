//! `countersign verify`: whether a captured request is genuine, and if not, why.
//!
//! The request is read by [`crate::capture`], judged by `countersign::diagnosis`, and the answer written by
//! [`report`].

mod args;
mod report;

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

pub(crate) use args::VerifyArgs;
use countersign::diagnosis::{Diagnosis, diagnose};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::capture::{self, Capture};
use crate::known::{Known, Named};

/// More than any delivery, so that a wrong file is told from one.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Genuine is 0, not genuine is 1. An error is one sentence.
pub(crate) fn run(args: &VerifyArgs) -> Result<ExitCode, String> {
    let known = Known::read(&args.known)?;
    let Named { name, provider } = known.provider(&args.provider)?;
    let secrets =
        args.secrets.iter().map(|source| known.secret(source)).collect::<Result<Vec<_>, _>>()?;
    let capture = captured(args)?;
    let mut request = capture.request;
    let url = args.url.clone().or(capture.url);
    if let Some(url) = &url {
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(format!(
                "--url takes a URL such as https://example.test/path, not `{url}`"
            ));
        }
        request = request.url(url);
    }
    if url.is_none() && provider.signs_url() {
        return Err(format!(
            "{name} signs the URL, and the capture does not say which: give the one that your receiver \
             takes for its own, --url https://hooks.example.test/path"
        ));
    }
    let at =
        match &args.at {
            Some(at) => SystemTime::from(OffsetDateTime::parse(at, &Rfc3339).map_err(|error| {
                format!("--at takes a time such as 2026-11-02T08:15:04Z: {error}")
            })?),
            None => capture.at.unwrap_or_else(SystemTime::now),
        };
    let diagnosis = diagnose(&provider, &secrets, &request, at);
    let text = match args.json {
        true => report::json(&diagnosis).map_err(|error| error.to_string())?,
        false => report::text(
            &report::About {
                name: &name,
                provider: &provider,
                secrets: &secrets,
                request: &request,
                at,
            },
            &diagnosis,
        ),
    };
    print(&text)?;
    Ok(exit_code(&diagnosis))
}

fn exit_code(diagnosis: &Diagnosis) -> ExitCode {
    if diagnosis.is_genuine() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn captured(args: &VerifyArgs) -> Result<Capture, String> {
    match (&args.request, &args.headers, &args.body) {
        (Some(request), ..) => {
            let bytes = read(request)?;
            capture::read(&bytes, args.entry)
                .map_err(|problem| format!("{}: {problem}", request.display()))
        }
        (None, Some(headers), Some(body)) => Ok(capture::of_two(&read(headers)?, read(body)?)),
        _ => Err("give --request, or --headers and --body".to_owned()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let mut bytes = Vec::new();
    match path.to_str() {
        Some("-") => std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes),
        _ => {
            let file = std::fs::File::open(path).map_err(cannot)?;
            file.take(LARGEST).read_to_end(&mut bytes)
        }
    }
    .map_err(cannot)?;
    Ok(bytes)
}

fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("cannot write the answer: {error}"))
        }
        _ => Ok(()),
    }
}
