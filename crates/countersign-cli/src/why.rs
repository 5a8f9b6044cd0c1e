//! Why a recorded delivery is not genuine: `countersign::diagnosis` with what the listener knows.

use countersign::diagnosis::{Cause, Diagnosis, Request, diagnose};

use crate::listen::Current;
use crate::record::Record;

/// What is to be found out, so that it can be done in a thread of its own.
#[derive(Debug)]
pub(crate) struct Question {
    current: Current,
    request: Request,
    at: std::time::SystemTime,
}

impl Question {
    /// Of a delivery to this endpoint. An error is a sentence: why nothing can be said.
    pub(crate) fn of(current: &Current, record: &Record) -> Result<Self, String> {
        if let Some(reason) = record.reason.filter(|reason| !is_about_proof(reason)) {
            let says = record.says.as_deref().unwrap_or(reason);
            return Err(format!("It was not refused for its proof or its time. {says}"));
        }
        if current.secrets.is_empty() {
            return Err(
                "The inspector does not know the secrets of this endpoint, so it cannot say why: \
                        give them to the listener with `ListenEndpoint::secrets`."
                    .to_owned(),
            );
        }
        if !record.body_is_complete {
            return Err(
                "Nothing can be said about the signature: the body did not arrive completely."
                    .to_owned(),
            );
        }
        let target = record.uri.path_and_query().map_or("/", |target| target.as_str());
        let headers = record.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let mut request =
            Request::new(headers, &*record.body).method(record.method.as_str()).target(target);
        if let Some(origin) = current.endpoint.public_url() {
            request = request.url(&format!("{origin}{target}"));
        }
        Ok(Self { current: current.clone(), request, at: record.received_at })
    }

    /// The answer. It takes from microseconds to seconds of a processor.
    pub(crate) fn answer(&self) -> Diagnosis {
        let provider = self.current.endpoint.provider();
        let mut secrets = self.current.secrets.clone();
        let first = diagnose(provider, &secrets, &self.request, self.at);
        // For the diagnosis one secret is configured. Here each of them is.
        let is_of_other = |diagnosis: &Diagnosis| {
            let mut findings = diagnosis.findings().iter();
            findings.any(|finding| finding.cause() == Cause::SecretOfOtherEndpoint)
        };
        if !is_of_other(&first) {
            return first;
        }
        for _ in 1..secrets.len() {
            secrets.rotate_left(1);
            let other = diagnose(provider, &secrets, &self.request, self.at);
            if !is_of_other(&other) {
                return other;
            }
        }
        first
    }
}

/// Whether a delivery that was refused with this code has something wrong with its proof or its time.
fn is_about_proof(reason: &str) -> bool {
    const BEGINNINGS: [&str; 3] = ["signature_", "token_", "timestamp_"];
    BEGINNINGS.iter().any(|beginning| reason.starts_with(beginning))
        || ["id_invalid", "signed_part_invalid"].contains(&reason)
}
