//! Genuine deliveries of every provider that is measured, each with an id of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign::providers::{hostwares, piora};
use countersign::{Endpoint, Provider, Secret, catalogue};
use hmac::Mac;
use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::headers::USUAL;
use crate::{BareMac, SECRET};

/// How a delivery is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The body alone; an event is known by what is signed.
    Piora,
    /// The body alone; an event is known by its id.
    Hostwares,
    GitHub,
    StandardWebhooks,
    Stripe,
}

impl Scheme {
    pub fn name(self) -> &'static str {
        match self {
            Self::Piora => "Piora",
            Self::Hostwares => "Hostwares",
            Self::GitHub => "GitHub",
            Self::StandardWebhooks => "Standard Webhooks",
            Self::Stripe => "Stripe",
        }
    }

    /// Its name in paths, files and tables' ids.
    pub fn id(self) -> &'static str {
        match self {
            Self::Piora => "piora",
            Self::Hostwares => "hostwares",
            Self::GitHub => "github",
            Self::StandardWebhooks => "standard",
            Self::Stripe => "stripe",
        }
    }

    fn provider(self) -> Provider {
        match self {
            Self::Piora => piora::provider(),
            Self::Hostwares => hostwares::provider(),
            Self::GitHub => catalogue::provider("github").expect("it is there"),
            Self::StandardWebhooks => {
                Provider::builder("standard").standard_webhooks("webhook").build().expect("sound")
            }
            Self::Stripe => catalogue::provider("stripe").expect("it is there"),
        }
    }

    /// A secret as a user would write it.
    pub fn secret(self, text: &str) -> String {
        match self {
            Self::StandardWebhooks => format!("whsec_{}", STANDARD.encode(text)),
            _ => text.to_owned(),
        }
    }

    /// An endpoint with these secrets, the current one first.
    pub fn endpoint(self, secrets: &[&str]) -> Endpoint {
        let secret = |text: &&str| Secret::new(self.secret(text)).expect("not empty");
        let builder = Endpoint::builder(self.id(), self.provider());
        builder.secrets(secrets.iter().map(secret)).build().expect("sound")
    }
}

/// What is sent: the headers beside the usual ones, and the body.
#[derive(Clone)]
pub struct Sent {
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// Makes deliveries of one size.
pub struct Sender {
    scheme: Scheme,
    head: String,
    tail: String,
    number: u64,
    now: u64,
    mac: BareMac,
}

/// The events of all senders are distinct: a server that deduplicates remembers those of the last one.
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A field that nobody reads, as real payloads have plenty of: `,"f0000":"xxx…"`.
const FILLER: usize = 64;

impl Sender {
    /// Bodies of this many bytes: 64 at the least for GitHub and Standard Webhooks, 512 for all.
    pub fn new(scheme: Scheme, size: usize) -> Self {
        let now = OffsetDateTime::now_utc().truncate_to_second();
        let now = now.format(&Rfc3339).expect("a time of this age");
        let (head, end) = match scheme {
            Scheme::Piora => (
                format!(
                    r#"{{"event":"deployment.succeeded","timestamp":"{now}","data":{{"deployment":{{"status":"succeeded","branch":"main","duration":45}},"id":""#
                ),
                "}}",
            ),
            Scheme::Hostwares => (
                format!(
                    r#"{{"event":"deployment.completed","timestamp":"{now}","account_id":"user_xyz","id":"evt_"#
                ),
                "}",
            ),
            Scheme::GitHub | Scheme::StandardWebhooks => (r#"{"id":""#.to_owned(), "}"),
            Scheme::Stripe => (STRIPE.to_owned(), "}}}"),
        };
        let mut tail = String::from("\"");
        if scheme == Scheme::Stripe {
            tail.push_str(STRIPE_DATA);
        }
        let mut left = size - (head.len() + 16 + tail.len() + end.len());
        for number in 0.. {
            // The last one takes what is left, so that none is too short to be a field.
            let length = if left < 2 * FILLER { left } else { FILLER };
            let value = "x".repeat(length - r#","f0000":"""#.len());
            tail.push_str(&format!(r#","f{:04}":"{value}""#, number % 10_000));
            left -= length;
            if left == 0 {
                break;
            }
        }
        Self { scheme, head, tail: tail + end, number: 0, now: 0, mac: BareMac::new() }
    }

    /// Another event, signed now.
    pub fn next_sent(&mut self) -> Sent {
        let body = self.next_body();
        let signature = self.mac_of(&body);
        Sent { headers: self.headers(&[signature]), body }
    }

    /// Another event, with a list of `count` signatures. If it is `genuine`, the last one fits.
    pub fn with_candidates(&mut self, count: usize, genuine: bool) -> Sent {
        let body = self.next_body();
        let other = |number: usize| self.mac_of(&number.to_be_bytes());
        let mut signatures: Vec<[u8; 32]> = (0..count).map(other).collect();
        if genuine {
            signatures[count - 1] = self.mac_of(&body);
        }
        Sent { headers: self.headers(&signatures), body }
    }

    fn next_body(&mut self) -> Bytes {
        self.number = NUMBER.fetch_add(1, Ordering::Relaxed);
        self.now = seconds();
        format!("{}{:016x}{}", self.head, self.number, self.tail).into()
    }

    /// What is signed before the last body.
    pub fn before_body(&self) -> String {
        match self.scheme {
            Scheme::StandardWebhooks => format!("msg_{:016x}.{}.", self.number, self.now),
            Scheme::Stripe => format!("{}.", self.now),
            _ => String::new(),
        }
    }

    /// The MAC over what comes before the body, and the body.
    fn mac_of(&self, body: &[u8]) -> [u8; 32] {
        let mut mac = self.mac.0.clone();
        mac.update(self.before_body().as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().into()
    }

    /// The headers of the last body.
    fn headers(&self, signatures: &[[u8; 32]]) -> Vec<(&'static str, String)> {
        let (number, now) = (self.number, self.now);
        let hub = format!("sha256={}", hex::encode(signatures[0]));
        match self.scheme {
            Scheme::Piora => vec![("x-piora-signature", hub)],
            Scheme::Hostwares => {
                vec![("x-hostwares-signature", hub), ("x-hostwares-timestamp", now.to_string())]
            }
            Scheme::GitHub => vec![
                ("x-hub-signature-256", hub),
                ("x-github-event", "push".to_owned()),
                ("x-github-delivery", format!("72d3162e-cc78-11e3-{number:016x}")),
            ],
            Scheme::StandardWebhooks => {
                let item = |mac| format!("v1,{}", STANDARD.encode(mac));
                let list: Vec<String> = signatures.iter().map(item).collect();
                vec![
                    ("webhook-id", format!("msg_{number:016x}")),
                    ("webhook-timestamp", now.to_string()),
                    ("webhook-signature", list.join(" ")),
                ]
            }
            Scheme::Stripe => {
                let item = |mac| format!(",v1={}", hex::encode(mac));
                let list: String = signatures.iter().map(item).collect();
                vec![("stripe-signature", format!("t={now}{list}"))]
            }
        }
    }
}

const STRIPE: &str = r#"{"object":"event","api_version":"2017-05-25","created":1492774577,"livemode":false,"pending_webhooks":1,"type":"account.external_account.created","id":"evt_"#;
const STRIPE_DATA: &str = r#","data":{"object":{"object":"bank_account","country":"us","currency":"usd","id":"ba_test","last4":"6789","status":"verified""#;

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs()
}

impl Sent {
    /// Without what proves it.
    #[must_use]
    pub fn unsigned(mut self) -> Self {
        self.headers.retain(|(name, _)| !name.contains("signature"));
        self
    }

    /// Another body under the same headers.
    pub fn other_body(&self) -> Bytes {
        Bytes::from(self.body.to_ascii_uppercase())
    }

    /// As an `http` 1.x server has them, with the usual ones.
    pub fn header_map(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in USUAL {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.insert("content-length", self.body.len().into());
        for (name, value) in &self.headers {
            headers.insert(*name, value.parse().expect("a header's value"));
        }
        headers
    }

    /// The head as HTTP/1.1 has it.
    pub fn head(&self, path: &str) -> Vec<u8> {
        let mut head = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in USUAL {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        head.into_bytes()
    }

    /// The whole request.
    pub fn written(&self, path: &str) -> Vec<u8> {
        let mut request = self.head(path);
        request.extend_from_slice(&self.body);
        request
    }
}

/// The secret that everything is signed with, and some that nothing is.
pub const SECRETS: [&str; 5] = [
    SECRET,
    "the second of five secrets, which is older",
    "the third of five secrets, which is older",
    "the fourth of five secrets, which is older",
    "the fifth of five secrets, which is older",
];
