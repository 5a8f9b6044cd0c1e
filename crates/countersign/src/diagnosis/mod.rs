//! Why a delivery is not genuine (feature `diagnosis`), for tools. Nothing of this is in the way of a
//! request.
//!
//! A mismatch says only that the secret, the content or the signature is another one. [`diagnose`] tries
//! what goes wrong in real life, and undoes it: white space around the secret, JSON that was written
//! again, a URL behind a proxy. A cause is named only where undoing it, and nothing less, makes the
//! signature right, so that nothing is accused wrongly. Where nothing does, it says so:
//! [`Cause::SecretWrong`].
//!
//! ```
//! use countersign::diagnosis::{Cause, Request, diagnose};
//! use countersign::{Secret, catalogue, signing::Signer};
//! use std::time::SystemTime;
//!
//! let github = catalogue::provider("github")?;
//! let body = r#"{"zen":"Keep it logically awesome."}"#;
//! let headers = Signer::new(&github, &Secret::new("It's a Secret")?).try_sign(body)?;
//!
//! // What the receiver saw, and the secret as it was read from a file.
//! let request = Request::new(headers, body);
//! let secret = Secret::new("It's a Secret\n")?;
//!
//! let diagnosis = diagnose(&github, &[secret], &request, SystemTime::now());
//! assert!(!diagnosis.is_genuine());
//! assert_eq!(diagnosis.findings()[0].cause(), Cause::SecretWhitespace);
//! println!("{}", diagnosis.findings()[0].says());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it shows
//!
//! No secret stands in what a diagnosis says. A [`Difference`] shows bytes of the body.

mod body;
mod cause;
mod change;
mod evidence;
mod headers;
mod legacy;
mod percent;
mod request;
mod search;
mod secrets;
mod times;
mod trial;
mod urls;

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

pub use cause::Cause;
use change::{Change, change};
use request::Head;
pub use request::Request;
use search::{Found, Search};
pub(crate) use secrets::Reads;
use urls::Url;

use crate::catalogue;
use crate::delivery::Delivery;
use crate::provider::Provider;
use crate::secret::Secret;
use crate::window::UnixMillis;

/// What was found out about a delivery.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    findings: Vec<Finding>,
    difference: Option<Difference>,
    time: Option<SystemTime>,
}

impl Diagnosis {
    /// Whether the delivery is genuine and fresh as it is, with the first of the secrets.
    #[must_use]
    pub fn is_genuine(&self) -> bool {
        self.findings.is_empty()
    }

    /// What is wrong; nothing if the delivery is genuine.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Where the body begins to differ from the one that was signed, if that one is known.
    #[must_use]
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// The time of the delivery, where one is proven.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        self.time
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    cause: Cause,
    says: Cow<'static, str>,
}

impl Finding {
    /// The cause.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// What is wrong, in a sentence. No secret is in it.
    #[must_use]
    pub fn says(&self) -> &str {
        &self.says
    }

    /// What to do about it, in a sentence.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        self.cause.remedy()
    }
}

impl From<Change> for Finding {
    fn from(change: Change) -> Self {
        Self { cause: change.cause, says: change.says }
    }
}

/// Where two bodies begin to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The first byte that differs, counted from 0.
    pub at: usize,
    /// What was received from there on, a few bytes with what stands before them.
    pub received: Vec<u8>,
    /// What was signed.
    pub signed: Vec<u8>,
    /// How many bytes of both stand before the first that differs.
    pub before: usize,
}

impl Difference {
    fn of(received: &[u8], signed: &[u8]) -> Option<Self> {
        const BEFORE: usize = 16;
        const AFTER: usize = 24;
        let same = received.iter().zip(signed).take_while(|(one, other)| one == other).count();
        if same == received.len() && same == signed.len() {
            return None;
        }
        let from = same.saturating_sub(BEFORE);
        let part =
            |body: &[u8]| body.get(from..body.len().min(same + AFTER)).unwrap_or_default().to_vec();
        Some(Self { at: same, received: part(received), signed: part(signed), before: same - from })
    }
}

/// Says whether a captured request is a genuine delivery of this provider, and if not, why.
///
/// The first of the secrets is the configured one; with another of them, the delivery is not
/// genuine, and [`Cause::SecretOfOtherEndpoint`] says so. A secret that the provider cannot use is no
/// error here: what it should have been is looked for. `at` is the time at which the delivery's age is
/// judged: when it was received.
///
/// It takes from microseconds, for what is genuine, to seconds, where nothing explains a mismatch.
#[must_use]
pub fn diagnose(
    provider: &Provider,
    secrets: &[Secret],
    request: &Request,
    at: SystemTime,
) -> Diagnosis {
    let head = Head::of(request);
    let url = request.url.as_deref().and_then(Url::read);
    let now = UnixMillis::from(at);
    let search = Search { request, provider, secrets, head, url, now };
    match search.run() {
        Some(found) => explained(found, request, at),
        None => {
            let finding = evidence::of(request, &search.head, provider).into();
            Diagnosis { findings: vec![finding], difference: None, time: None }
        }
    }
}

fn explained(found: Found, request: &Request, at: SystemTime) -> Diagnosis {
    let Found { setting, body, changes } = found;
    let delivery = delivery(&setting, &body);
    let time = delivery.as_ref().and_then(Delivery::time).map(SystemTime::from);
    let mut findings: Vec<Finding> = changes.into_iter().map(Finding::from).collect();
    // A token says nothing of the body.
    if !setting.provider.spec().scheme.covers_content() {
        findings.extend(evidence::body(request).map(Finding::from));
    }
    findings.extend(time.and_then(|time| too_old(&setting.provider, time, at)).map(Finding::from));
    let difference = Difference::of(&request.body, &body);
    Diagnosis { findings, difference, time }
}

/// The delivery as a handler would have it, whatever its age.
fn delivery(setting: &trial::Setting, body: &[u8]) -> Option<Delivery> {
    let mut incoming = setting.endpoint.begin(&*setting.head).ok()?;
    incoming.push(Bytes::copy_from_slice(body)).ok()?;
    incoming.finish().ok()
}

fn too_old(provider: &Provider, time: SystemTime, at: SystemTime) -> Option<Change> {
    let window = provider.default_window()?;
    window.check(UnixMillis::from(time), UnixMillis::from(at)).err()?;
    Some(match at.duration_since(time) {
        Ok(age) => change(
            Cause::TimeStale,
            format!(
                "The signature is right, but old: it was made {} ago, and {} are allowed.",
                spelled(age),
                spelled(window.past)
            ),
        ),
        Err(ahead) => change(
            Cause::TimeInTheFuture,
            format!(
                "It was signed {} in the future, and {} are allowed: this machine's clock is behind, \
                 or the sender's is ahead.",
                spelled(ahead.duration()),
                spelled(window.future)
            ),
        ),
    })
}

/// A duration in its two largest units.
fn spelled(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, length) in units {
        let count = left / length;
        left %= length;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { format!("{} ms", duration.as_millis()) } else { parts.join(" ") }
}

/// The provider's name, for people.
fn name_of(provider: &Provider) -> &str {
    catalogue::by_id(provider.name()).map_or(provider.name(), |preset| preset.name())
}
