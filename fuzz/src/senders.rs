//! Providers with an endpoint each, and a second opinion on what proves a delivery of theirs.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{Endpoint, Part, Provider, Secret, Signature, TimeFormat, Timestamp};

use crate::{clock, mac};

/// The keys behind [`SECRETS`] for schemes whose secret is base64.
const KEYS: [&[u8]; 2] = [b"the current key", b"an older key"];
const SECRETS: [&str; 2] = ["the:current:key", "an:older:key"];

/// The largest body that an endpoint here takes.
pub const MAX_BODY: usize = 4096;

/// How a sender proves its deliveries, as its documentation says it and not as countersign's
/// builder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Hex of the MAC over the body.
    Body,
    /// Hex of the MAC over `time "." body`; the time is in this header.
    TimeBody(&'static str),
    /// Stripe: `t=<time>,v1=<hex>` in one header, the MAC over `time "." body`.
    TimedList,
    /// Standard Webhooks: base64 of the MAC over `id "." time "." body`.
    Standard,
    /// The secret itself.
    Plain,
    /// The secret itself after `Bearer `.
    Bearer,
    /// The secret's base64 after `Basic `.
    Basic,
}

pub struct Sender {
    pub provider: Provider,
    pub endpoint: Endpoint,
    pub secrets: [Secret; 2],
    /// The header with the proof.
    pub header: &'static str,
    pub proof: Proof,
}

pub static SENDERS: LazyLock<[Sender; 9]> = LazyLock::new(|| {
    [
        sender(piora::provider(), "x-piora-signature", Proof::Body),
        sender(hostwares::provider(), "x-hostwares-signature", Proof::Body),
        sender(pakyas::provider(), "x-pakyas-signature", Proof::Body),
        sender(percher::provider(), "x-percher-signature", Proof::TimeBody("x-percher-timestamp")),
        sender(pingara::provider(), "x-pingara-secret", Proof::Plain),
        sender(pingara::bearer(), "authorization", Proof::Bearer),
        sender(pingara::basic(), "authorization", Proof::Basic),
        sender(stripe_like(), "stripe-signature", Proof::TimedList),
        sender(standard_like(), "webhook-signature", Proof::Standard),
    ]
});

fn stripe_like() -> Provider {
    Provider::builder("stripe-like")
        .hmac_sha256(Signature::header("Stripe-Signature").prefix("v1=").separator(','))
        .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
        .timestamp(
            Timestamp::header_item("Stripe-Signature", ',', "t=").format(TimeFormat::UnixSeconds),
        )
        .event_type("event")
        .event_id("id")
        .build()
        .expect("a sound provider")
}

fn standard_like() -> Provider {
    let signature = Signature::header("webhook-signature")
        .prefix("v1,")
        .base64()
        .separator(' ')
        .base64_secret("whsec_");
    Provider::builder("standard-like")
        .hmac_sha256(signature)
        .signed_content([
            Part::Id,
            Part::literal("."),
            Part::Timestamp,
            Part::literal("."),
            Part::Body,
        ])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .event_id_header("webhook-id")
        .event_type("event")
        .build()
        .expect("a sound provider")
}

fn sender(provider: Provider, header: &'static str, proof: Proof) -> Sender {
    let texts = match proof {
        Proof::Standard => KEYS.map(|key| format!("whsec_{}", STANDARD.encode(key))),
        _ => SECRETS.map(str::to_owned),
    };
    let secrets = texts.map(|text| Secret::new(text).expect("not empty"));
    let endpoint = Endpoint::builder(provider.name(), provider.clone())
        .secrets(secrets.clone())
        .max_body(MAX_BODY)
        .clock(clock())
        .build()
        .expect("a sound endpoint");
    Sender { provider, endpoint, secrets, header, proof }
}

impl Sender {
    /// The proofs that would be good for these headers and this body, one for each secret, in
    /// the provider's letters (hex in lower case).
    pub fn good_proofs(&self, headers: &[(String, Vec<u8>)], body: &[u8]) -> Vec<Vec<u8>> {
        let one = |name: &str| {
            let mut found = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| value.as_slice())
        };
        let hex = |parts: &[&[u8]]| {
            SECRETS.map(|secret| hex::encode(mac(secret.as_bytes(), parts)).into_bytes()).to_vec()
        };
        match self.proof {
            Proof::Plain | Proof::Bearer => SECRETS.map(|secret| secret.into()).to_vec(),
            Proof::Basic => SECRETS.map(|secret| STANDARD.encode(secret).into()).to_vec(),
            Proof::Body => hex(&[body]),
            Proof::TimeBody(name) => hex(&[one(name).unwrap_or_default(), b".", body]),
            Proof::TimedList => {
                let list = one(self.header).unwrap_or_default();
                let items = list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                let times = items.filter_map(|item| item.strip_prefix(b"t="));
                times.flat_map(|time| hex(&[time, b".", body])).collect()
            }
            Proof::Standard => {
                let (id, time) = (one("webhook-id"), one("webhook-timestamp"));
                let (id, time) = (id.unwrap_or_default(), time.unwrap_or_default());
                let macs = KEYS.map(|key| mac(key, &[id, b".", time, b".", body]));
                macs.map(|mac| STANDARD.encode(mac).into()).to_vec()
            }
        }
    }

    /// Whether the header with the proof holds a good one: anywhere, in any company.
    pub fn is_genuine(&self, headers: &[(String, Vec<u8>)], body: &[u8]) -> bool {
        let mut shown = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(self.header))
            .map(|(_, value)| value.as_slice())
            .collect::<Vec<_>>()
            .join(&b'\n');
        if matches!(self.proof, Proof::Body | Proof::TimeBody(_) | Proof::TimedList) {
            shown.make_ascii_lowercase();
        }
        let holds = |good: &Vec<u8>| shown.windows(good.len()).any(|window| window == *good);
        self.good_proofs(headers, body).iter().any(holds)
    }

    /// Whether the proof covers the body.
    pub fn signs(&self) -> bool {
        !matches!(self.proof, Proof::Plain | Proof::Bearer | Proof::Basic)
    }

    /// Whether deliveries have a time of their own, under the proof.
    pub fn dates(&self) -> bool {
        matches!(self.proof, Proof::TimeBody(_) | Proof::TimedList | Proof::Standard)
    }

    /// Whether upper and lower case are the same at this place of a genuine proof of this length:
    /// in hex digits, and in the words `Bearer` and `Basic`.
    pub fn ignores_case(&self, at: usize, length: usize) -> bool {
        match self.proof {
            Proof::Body | Proof::TimeBody(_) | Proof::TimedList => at + 64 >= length,
            Proof::Bearer => at < "Bearer".len(),
            Proof::Basic => at < "Basic".len(),
            Proof::Plain | Proof::Standard => false,
        }
    }
}
