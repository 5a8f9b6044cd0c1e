//! A provider in words, for tables.

use std::time::Duration;

use super::families::Families;
use super::unverified::ClaimHeaders;
use super::{KeySpec, Provider, TimeSource};
use crate::known_name::KnownName;

impl Provider {
    /// How a delivery is proven, such as `hmac_sha256 in x-hub-signature-256`.
    #[must_use]
    pub fn describe_proof(&self) -> String {
        let proofs = self.0.scheme.proofs.iter().map(|proof| {
            let headers = proof.headers();
            match headers {
                [first, .., last] if headers.len() > 2 => {
                    format!("{} in {} to {}", proof.method(), first.as_str(), last.as_str())
                }
                _ => {
                    let other = self.0.families.iter().flat_map(Families::other_proofs);
                    let names: Vec<_> =
                        headers.iter().map(KnownName::as_str).chain(other).collect();
                    format!("{} in {}", proof.method(), names.join(" or "))
                }
            }
        });
        proofs.collect::<Vec<_>>().join(", or ")
    }

    /// What the bodies are, such as `JSON, or JSON in the form field payload`.
    #[must_use]
    pub fn describe_body(&self) -> String {
        let bodies = &self.0.bodies;
        let json = if bodies.array { "JSON or a JSON array" } else { "JSON" };
        let field = bodies.field.as_ref().map(|name| format!("{json} in the form field {name}"));
        let kinds = [
            (!bodies.sorted).then(|| json.to_owned()),
            field,
            bodies.form.then(|| "a form".to_owned()),
            bodies.other.then(|| "anything else".to_owned()),
        ];
        kinds.into_iter().flatten().collect::<Vec<_>>().join(", or ")
    }

    /// What the replay window is held against, such as `time in a header, 300 s`.
    #[must_use]
    pub fn describe_freshness(&self) -> String {
        let (Some(time), Some(window)) = (&self.0.time, self.default_window()) else {
            return "none: no time is sent".to_owned();
        };
        let place = match time {
            TimeSource::Header { .. } => "time in a header",
            TimeSource::Body { .. } => "time in the body",
        };
        let signed = match time {
            TimeSource::Header { .. } if !self.0.scheme.content.signs_time() => ", not signed",
            _ => "",
        };
        format!("{place}{signed}, {} s", window.past.as_secs())
    }

    /// What makes two deliveries the same event, such as `id` or `signed content and claimed type`.
    #[must_use]
    pub fn describe_key(&self) -> String {
        let covered = self.0.scheme.covers_content();
        let mut content =
            if self.0.key_by_body || !covered { "body" } else { "signed content" }.to_owned();
        let claimed = self.0.unverified.as_ref().map(ClaimHeaders::are_named);
        let [event_type, id, channel] = claimed.unwrap_or_default();
        if event_type {
            content.push_str(" and claimed type");
        }
        if !covered && id {
            content.push_str(" and claimed id");
        }
        if !covered && channel {
            content.push_str(" and claimed channel");
        }
        let key = match &self.0.key {
            KeySpec::Content => content,
            KeySpec::Id if self.0.id_header.is_some() => "signed id in a header".to_owned(),
            KeySpec::Id => format!("id in the body, else {content}"),
            KeySpec::Fields { .. } => format!("fields of the body, else {content}"),
        };
        if self.0.forgets { format!("{key}; forgotten when handled") } else { key }
    }

    /// When the provider tries again, such as `after 60, 300 s`.
    #[must_use]
    pub fn describe_retries(&self) -> String {
        let seconds = |wait: &Duration| wait.as_secs().to_string();
        match (self.0.retries.waits(), self.0.retries.horizon()) {
            (Some([]), _) => "never".to_owned(),
            (Some(waits), _) => {
                format!("after {} s", waits.iter().map(seconds).collect::<Vec<_>>().join(", "))
            }
            (None, Some(horizon)) => format!("within {} s", horizon.as_secs()),
            (None, None) => "not known".to_owned(),
        }
    }
}
