//! The senders of the published vectors, as their documentation describes them.

use countersign::{Part, Provider, Signature, TimeFormat, Timestamp};
use serde_json::Value;

use super::text;
use crate::support::Pairs;

pub(super) fn signed_by(signature: Signature) -> Provider {
    Provider::builder("vectors").hmac_sha256(signature).build().unwrap()
}

/// The first of these names that the vector's headers have, else the first.
fn named<'a>(headers: &Pairs, names: &[&'a str]) -> &'a str {
    let has = |name: &&&str| headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name));
    names.iter().find(has).unwrap_or(&names[0])
}

pub(super) fn hub(_: &Value, headers: &Pairs) -> Provider {
    let names = ["X-Hub-Signature-256", "X-Hub-Signature", "X-Notion-Signature"];
    signed_by(Signature::header(named(headers, &names)).prefix("sha256="))
}

pub(super) fn hub_or_circleci(vector: &Value, headers: &Pairs) -> Provider {
    if text(vector, "id").starts_with("circleci") {
        return signed_by(Signature::header("circleci-signature").prefix("v1=").separator(','));
    }
    hub(vector, headers)
}

pub(super) fn standard_webhooks(vector: &Value, headers: &Pairs) -> Provider {
    let brand = match named(headers, &["webhook-signature", "svix-signature"]) {
        "svix-signature" => "svix",
        _ => "webhook",
    };
    let mut signature = Signature::header(&format!("{brand}-signature"))
        .prefix("v1,")
        .base64()
        .separator(' ')
        .base64_secret("whsec_");
    if vector.get("key_format").is_some_and(|format| format.as_str().unwrap().contains("UTF-8")) {
        signature = Signature::header("webhook-signature").prefix("v1,").base64().separator(' ');
    }
    let dot = || Part::literal(".");
    Provider::builder(brand)
        .hmac_sha256(signature)
        .signed_content([Part::Id, dot(), Part::Timestamp, dot(), Part::Body])
        .timestamp(Timestamp::header(&format!("{brand}-timestamp")))
        .event_id_header(&format!("{brand}-id"))
        .build()
        .unwrap()
}

pub(super) fn stripe(_: &Value, _: &Pairs) -> Provider {
    Provider::builder("stripe")
        .hmac_sha256(Signature::header("Stripe-Signature").prefix("v1=").separator(','))
        .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
        .timestamp(Timestamp::header_item("Stripe-Signature", ',', "t="))
        .build()
        .unwrap()
}

pub(super) fn stripe_or_standard_webhooks(vector: &Value, headers: &Pairs) -> Provider {
    let stripes = text(vector, "id").starts_with("wrc-stripe");
    if stripes { stripe(vector, headers) } else { standard_webhooks(vector, headers) }
}

pub(super) fn slack(_: &Value, _: &Pairs) -> Provider {
    Provider::builder("slack")
        .hmac_sha256(Signature::header("X-Slack-Signature").prefix("v0="))
        .signed_content([Part::literal("v0:"), Part::Timestamp, Part::literal(":"), Part::Body])
        .timestamp(Timestamp::header("X-Slack-Request-Timestamp"))
        .build()
        .unwrap()
}

pub(super) fn shopify(_: &Value, headers: &Pairs) -> Provider {
    let names = ["X-Shopify-Hmac-Sha256", "shopify-hmac-sha256"];
    signed_by(Signature::header(named(headers, &names)).base64())
}

pub(super) fn line(_: &Value, _: &Pairs) -> Provider {
    signed_by(Signature::header("x-line-signature").base64())
}

pub(super) fn paddle(_: &Value, _: &Pairs) -> Provider {
    Provider::builder("paddle")
        .hmac_sha256(Signature::header("Paddle-Signature").prefix("h1=").separator(';'))
        .signed_content([Part::Timestamp, Part::literal(":"), Part::Body])
        .timestamp(Timestamp::header_item("Paddle-Signature", ';', "ts="))
        .build()
        .unwrap()
}

pub(super) fn pagerduty(_: &Value, _: &Pairs) -> Provider {
    signed_by(Signature::header("X-PagerDuty-Signature").prefix("v1=").separator(','))
}

pub(super) fn bare_hex(_: &Value, headers: &Pairs) -> Provider {
    signed_by(Signature::header(named(
        headers,
        &["Webhook-Signature", "X-Razorpay-Signature", "Signature"],
    )))
}

/// Box signs every delivery with two secrets, each in a header of its own.
pub(super) fn box_com(vector: &Value, _: &Pairs) -> Provider {
    let header = match text(vector, "id").as_str() {
        "box-secondary" => "BOX-SIGNATURE-SECONDARY",
        _ => "BOX-SIGNATURE-PRIMARY",
    };
    Provider::builder("box")
        .hmac_sha256(Signature::header(header).base64())
        .signed_content([Part::Body, Part::Timestamp])
        .timestamp(Timestamp::header("BOX-DELIVERY-TIMESTAMP").format(TimeFormat::Rfc3339))
        .build()
        .unwrap()
}
