//! The five providers as they send: made-up events in the documented form, signed with
//! `countersign::testing::Signer`.

use std::time::{Duration, SystemTime};

use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::testing::Signer;
use countersign::{Provider, Secret, SecretError};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A provider with the secret that it shares with a receiver.
#[derive(Clone, Debug)]
pub struct Sender {
    provider: Provider,
    secret: Secret,
    secret_text: &'static str,
    body: fn(usize, &str) -> Value,
}

/// A delivery, ready to be sent.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where it goes.
    pub path: String,
    /// The provider's headers.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte as it was signed.
    pub body: String,
    /// The type of the event in it.
    pub event_type: String,
    time: SystemTime,
}

impl Sender {
    /// The five built-in providers.
    ///
    /// # Errors
    ///
    /// None: these secrets are not empty.
    pub fn all() -> Result<[Self; 5], SecretError> {
        Ok([
            Self::new(piora::provider(), "piora's secret", piora_event)?,
            Self::new(hostwares::provider(), "hostwares' secret", hostwares_event)?,
            Self::new(percher::provider(), "percher's secret", percher_event)?,
            Self::new(pingara::provider(), "the token set in pingara", pingara_event)?,
            Self::new(pakyas::provider(), "pakyas' secret", pakyas_event)?,
        ])
    }

    fn new(
        provider: Provider,
        secret_text: &'static str,
        body: fn(usize, &str) -> Value,
    ) -> Result<Self, SecretError> {
        Ok(Self { provider, secret: Secret::new(secret_text)?, secret_text, body })
    }

    /// The provider's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.provider.name()
    }

    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// The secret that receiver and provider share.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The secret's text, for a receiver that takes it from its environment.
    #[must_use]
    pub fn secret_text(&self) -> &'static str {
        self.secret_text
    }

    /// The same provider as played by somebody who does not know the secret.
    #[must_use]
    pub fn with_secret(&self, secret: Secret) -> Self {
        Self { secret, ..self.clone() }
    }

    /// The first delivery of an event. Events of different numbers are different events.
    #[must_use]
    pub fn deliver(&self, number: usize, time: SystemTime) -> Signed {
        let body = (self.body)(number, &rfc3339(time));
        let event_type = body.get("event").and_then(Value::as_str).unwrap_or_default().to_owned();
        let body = body.to_string();
        let path = format!("/webhooks/{}", self.name());
        Signed { path, headers: self.sign(&body, time), body, event_type, time }
    }

    /// The event's next delivery, as late as the provider's schedule says. A provider without
    /// retries sends nothing, but whoever has seen the delivery can send it once more.
    #[must_use]
    pub fn retry(&self, first: &Signed) -> Signed {
        let mut retry = first.clone();
        if let Some(wait) = self.provider.retries().waits().and_then(<[Duration]>::first) {
            retry.headers = self.sign(&first.body, first.time + *wait);
        }
        retry
    }

    fn sign(&self, body: &str, sent_at: SystemTime) -> Vec<(String, String)> {
        Signer::new(&self.provider, &self.secret).at(sent_at).sign(body)
    }
}

fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}

fn piora_event(number: usize, time: &str) -> Value {
    json!({
        "event": "deployment.succeeded",
        "timestamp": time,
        "data": {
            "application": {"id": "app_1", "name": "shop"},
            "deployment": {"id": format!("deploy_{number}"), "status": "succeeded"},
        },
    })
}

fn hostwares_event(number: usize, time: &str) -> Value {
    json!({
        "id": format!("evt_{number}"),
        "event": "deployment.completed",
        "timestamp": time,
        "account_id": "user_1",
        "data": {"site_name": "shop", "status": "RUNNING", "duration_seconds": 12.5},
    })
}

/// Percher documents its events' types and nothing else, so only the type is here.
fn percher_event(number: usize, _: &str) -> Value {
    let event_type = percher::EventType::DOCUMENTED.iter().cycle().nth(number);
    json!({"event": event_type.map(percher::EventType::as_str)})
}

fn pingara_event(number: usize, time: &str) -> Value {
    json!({
        "event": "incident.created",
        "timestamp": time,
        "monitor": {"id": "m_1", "name": "shop", "status": "down"},
        "incident": {"id": format!("inc_{number}"), "status": "investigating"},
    })
}

fn pakyas_event(number: usize, time: &str) -> Value {
    json!({
        "event": "check.down",
        "check": {"id": format!("check-{number}"), "name": "nightly backup", "status": "down"},
        "alert": {"type": "down", "triggered_at": time},
        "timestamp": time,
    })
}
