//! What is to be sent, from the command line.

use std::fs;
use std::time::SystemTime;

use countersign::signing::{Outgoing, Sender, SignError, SignedRequest};
use countersign::{Endpoint, HeadParts, Provider};

use super::Expected;
use super::args::TriggerArgs;
use super::capture::Captured;
use crate::known::Known;

/// What is to be sent, how, and what the answer should be.
pub(super) struct Plan {
    pub(super) sender: Sender,
    event: Outgoing,
    /// The first request.
    pub(super) request: SignedRequest,
    pub(super) expected: Expected,
    /// Where to, as it was given.
    pub(super) to: String,
    /// Where the secret is.
    pub(super) source: String,
    pub(super) tampered: bool,
    pub(super) title: String,
}

impl Plan {
    pub(super) fn of(args: &TriggerArgs) -> Result<Self, String> {
        // clap requires them.
        let given = |given: &Option<String>, what: &str| {
            given.clone().ok_or_else(|| format!("{what} is missing"))
        };
        let id = given(&args.provider, "PROVIDER")?;
        let (to, source) = (given(&args.to, "--to")?, given(&args.secret, "--secret")?);
        let known = Known::read(&args.known)?;
        let provider = known.provider(&id)?.provider;
        let key = known.secret(&source)?;
        let (origin, target) = split(&to);
        let origin = args.public_url.as_deref().unwrap_or(origin).trim_end_matches('/');
        let captured = args.replay.as_deref().map(Captured::read).transpose()?;
        let mut sender = Sender::new(provider, key).to(&format!("{origin}{target}"));
        if let Some(captured) = &captured {
            sender = sender.method(&captured.method);
        }
        let event = outgoing(args, &sender, captured.as_ref())?;
        let (request, expected) = match captured.filter(|_| args.as_captured) {
            Some(captured) => {
                let expected = judge(&sender, origin, target, &captured)?;
                let request = sender.replay(captured.headers(), captured.body.clone());
                (request.map_err(text)?, expected)
            }
            None => request(args, &sender, &event).map_err(|error| error.to_string())?,
        };
        let what = match (&args.replay, &args.event) {
            (Some(file), _) => file.display().to_string(),
            (None, Some(event)) => event.clone(),
            (None, None) => match &args.body {
                Some(file) => file.display().to_string(),
                None => sender.events().first().copied().unwrap_or_default().to_owned(),
            },
        };
        let title = format!("{id} {what} to {to}, {} bytes", request.body().len());
        Ok(Self { sender, event, request, expected, to, source, tampered: args.tamper, title })
    }

    /// The retry of this number.
    pub(super) fn retry(&self, number: usize) -> Result<SignedRequest, String> {
        self.sender.retry(&self.event, number).map_err(|error| error.to_string())
    }
}

/// Scheme and host, and the rest.
pub(super) fn split(url: &str) -> (&str, &str) {
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.find(['/', '?']));
    url.split_at_checked(path.map_or(url.len(), |at| host + at)).unwrap_or((url, ""))
}

fn outgoing(
    args: &TriggerArgs,
    sender: &Sender,
    captured: Option<&Captured>,
) -> Result<Outgoing, String> {
    let mut event = match (captured, &args.body) {
        (Some(captured), _) => {
            sender.captured(captured.headers(), captured.body.clone()).map_err(text)?
        }
        (None, Some(file)) => {
            let body = fs::read(file).map_err(|error| {
                format!("cannot read the body from {}: {error}", file.display())
            })?;
            of_body(args, sender, body)?
        }
        (None, None) => sample(args, sender)?,
    };
    for set in &args.set {
        let (path, value) =
            set.split_once('=').ok_or("--set takes PATH=VALUE, such as data.status=failed")?;
        event = event.set(path, value).map_err(|error| format!("--set {path}: {error}"))?;
    }
    for header in &args.header {
        let (name, value) = header
            .split_once(':')
            .ok_or("--header takes `NAME: VALUE`, such as 'X-Request-Id: 1'")?;
        event = event.header(name.trim(), value.trim());
    }
    Ok(event)
}

fn text(error: SignError) -> String {
    error.to_string()
}

fn sample(args: &TriggerArgs, sender: &Sender) -> Result<Outgoing, String> {
    let (provider, events) = (sender.provider().name(), sender.events());
    let none = || {
        format!(
            "there are no sample events of {provider}: give the body, with --body FILE; \
             `countersign trigger --list` lists the providers that have some"
        )
    };
    let first = *events.first().ok_or_else(none)?;
    let name = args.event.as_deref().unwrap_or(first);
    if events.contains(&name) {
        return sender.event(name).map_err(text);
    }
    Err(format!("{provider} has no sample event `{name}`; it has {}", events.join(", ")))
}

/// A body of the user's, with the headers of the sample where there is one of this name.
fn of_body(args: &TriggerArgs, sender: &Sender, body: Vec<u8>) -> Result<Outgoing, String> {
    let name = args.event.as_deref();
    let sample = name.filter(|name| sender.events().contains(name));
    let event = match sample {
        Some(name) => sender.event(name).map_err(text)?.with_body(body),
        None => Outgoing::bytes("application/json", body).map_err(text)?,
    };
    Ok(match name {
        Some(name) if sample.is_none() => event.named(name),
        _ => event,
    })
}

/// The request that is asked for, and what its answer should be.
fn request(
    args: &TriggerArgs,
    sender: &Sender,
    event: &Outgoing,
) -> Result<(SignedRequest, Expected), SignError> {
    if args.tamper {
        return Ok((sender.tampered(event)?, Expected::Refused));
    }
    let now = SystemTime::now();
    match args.stale {
        Some(None) => return Ok((sender.stale(event)?, Expected::Refused)),
        Some(Some(age)) => {
            let time = now.checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
            // A provider without a time has its own sentence for that.
            sender.stale(event)?;
            let window = sender.provider().default_window();
            let is_old = window.is_none_or(|window| age > window.past);
            let expected = if is_old { Expected::Refused } else { Expected::Known };
            return Ok((sender.request_at(event, time)?, expected));
        }
        None => {}
    }
    if args.replay.is_some() {
        let new = sender.request_at(event, now).or_else(|_| sender.request(event))?;
        return Ok((new, Expected::Known));
    }
    let known = args.body.is_some() || !args.set.is_empty();
    Ok((sender.request(event)?, if known { Expected::Known } else { Expected::New }))
}

/// What this secret and the provider's own window say about a captured request.
fn judge(
    sender: &Sender,
    origin: &str,
    target: &str,
    captured: &Captured,
) -> Result<Expected, String> {
    let provider: &Provider = sender.provider();
    let endpoint = Endpoint::builder(provider.name(), provider.clone())
        .secret(sender.verifying_secret().map_err(text)?)
        .methods([&captured.method])
        .public_url(origin)
        .build()
        .map_err(|error| error.to_string())?;
    let headers: Vec<_> = captured.headers().collect();
    let head = HeadParts { method: &captured.method, target, headers: &headers };
    Ok(match endpoint.verify(&head, &captured.body) {
        Ok(_) => Expected::Known,
        Err(_) => Expected::Refused,
    })
}
