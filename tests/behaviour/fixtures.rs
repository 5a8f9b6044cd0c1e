//! Deliveries of the five providers, signed as the providers would.

use std::time::{Duration, SystemTime};

use countersign::testing::Signer;
use countersign::{Endpoint, EndpointBuilder, Provider, Secret, providers};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::client::Request;

/// A secret that no log, answer or `Debug` may show.
pub const SECRET: &str = "correct-horse:battery-staple";

/// A provider as the suite uses it.
#[derive(Clone)]
pub struct Fixture {
    pub name: &'static str,
    pub provider: Provider,
    /// The header that carries the proof.
    pub proof_header: &'static str,
    /// A value of the right form that proves nothing.
    pub forged: &'static str,
}

const FORGED_MAC: &str = "sha256=00000000000000000000000000000000000000000000000000000000000000ff";

/// All five, Pingara in its three forms.
pub fn all() -> Vec<Fixture> {
    let hmac =
        |name, provider, proof_header| Fixture { name, provider, proof_header, forged: FORGED_MAC };
    let token =
        |name, provider, proof_header, forged| Fixture { name, provider, proof_header, forged };
    vec![
        hmac("piora", providers::piora::provider(), "x-piora-signature"),
        hmac("hostwares", providers::hostwares::provider(), "x-hostwares-signature"),
        hmac("percher", providers::percher::provider(), "x-percher-signature"),
        hmac("pakyas", providers::pakyas::provider(), "x-pakyas-signature"),
        token("pingara", providers::pingara::provider(), "x-pingara-secret", "not-the-token"),
        token("pingara-bearer", providers::pingara::bearer(), "authorization", "Bearer not-it"),
        token("pingara-basic", providers::pingara::basic(), "authorization", "Basic dXNlcjpubw=="),
    ]
}

pub fn piora() -> Fixture {
    all().swap_remove(0)
}

pub fn hostwares() -> Fixture {
    all().swap_remove(1)
}

pub fn percher() -> Fixture {
    all().swap_remove(2)
}

impl Fixture {
    pub fn endpoint(&self) -> EndpointBuilder {
        self.endpoint_named(self.name)
    }

    pub fn endpoint_named(&self, name: &str) -> EndpointBuilder {
        Endpoint::builder(name, self.provider.clone()).secret(secret())
    }

    /// The body of event `number`, which happened at `time`.
    pub fn body(&self, number: u32, time: SystemTime) -> String {
        let time = rfc3339(time);
        match self.name {
            "hostwares" => format!(
                r#"{{"id":"evt_{number}","event":"deployment.failed","timestamp":"{time}","data":{{"site_id":"s"}}}}"#
            ),
            "percher" => format!(r#"{{"event":"deploy.failed","number":{number}}}"#),
            "piora" => format!(
                r#"{{"event":"deployment.failed","timestamp":"{time}","data":{{"deployment":{{"id":"d{number}"}}}}}}"#
            ),
            "pakyas" => format!(
                r#"{{"event":"check.down","check":{{"id":"c{number}"}},"timestamp":"{time}"}}"#
            ),
            _ => format!(
                r#"{{"event":"incident.created","timestamp":"{time}","monitor":{{"id":"m{number}"}},"incident":{{"id":"i"}}}}"#
            ),
        }
    }

    /// A genuine delivery of event `number`, sent when it happened.
    pub fn delivery_at(&self, number: u32, time: SystemTime) -> Request {
        self.signed(self.body(number, time), time)
    }

    /// A genuine and fresh delivery of event `number`.
    pub fn delivery(&self, number: u32) -> Request {
        self.delivery_at(number, SystemTime::now())
    }

    /// Any body, signed by the provider at `time`.
    pub fn signed(&self, body: impl Into<Vec<u8>>, time: SystemTime) -> Request {
        let body = body.into();
        let headers = Signer::new(&self.provider, &secret()).at(time).sign(&body);
        Request::post(self.name, headers, body)
    }

    /// Whether the proof covers the body.
    pub fn signs_the_body(&self) -> bool {
        !self.name.starts_with("pingara")
    }

    /// How long after the event its last retry is due.
    pub fn last_retry(&self) -> Duration {
        self.provider.retries().horizon().unwrap_or_default()
    }
}

pub fn secret() -> Secret {
    Secret::new(SECRET).unwrap()
}

pub fn rfc3339(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap()
}
