//! Which row of the catalogue a published vector belongs to.

use serde_json::Value;

use super::text;

/// The id of the row that is to decide a vector.
pub(super) type Row = fn(&Value) -> &'static str;

/// GitHub's form; with SHA-1 it is the one that Intercom has.
pub(super) fn hub(vector: &Value) -> &'static str {
    let sha1 = vector.get("algorithm").is_some_and(|algorithm| algorithm == "sha1")
        || signature(vector).is_some_and(|value| value.starts_with("sha1="));
    if sha1 { "intercom" } else { "github" }
}

pub(super) fn documented(vector: &Value) -> &'static str {
    match text(vector, "id").split('-').next() {
        Some("bitbucket") => "bitbucket",
        Some("circleci") => "circleci",
        _ => "notion",
    }
}

/// The version with public keys says so in the vector's id. A receiver with a symmetric key must
/// pass that version over.
pub(super) fn cosium(vector: &Value) -> &'static str {
    if text(vector, "id").starts_with("cosium-v1a-") {
        "standard-webhooks-v1a"
    } else {
        "standard-webhooks"
    }
}

/// Of two versions side by side, a receiver takes the one that it has a key for.
pub(super) fn v1a(vector: &Value) -> &'static str {
    let public = vector["secrets"][0]["prefix"] == "whpk_";
    if public { "standard-webhooks-v1a" } else { "standard-webhooks" }
}

pub(super) fn svix(vector: &Value) -> &'static str {
    if has(vector, "svix-signature") { "svix" } else { "standard-webhooks" }
}

pub(super) fn adopter(vector: &Value) -> &'static str {
    match text(vector, "id").split('-').next() {
        Some("openai") => "openai",
        Some("brex") => "brex",
        _ => "resend",
    }
}

/// Some of Stripe's are a bare MAC over a text, which is how GoCardless signs.
pub(super) fn stripe(vector: &Value) -> &'static str {
    if vector.get("headers").is_some() { "stripe" } else { "gocardless" }
}

pub(super) fn stripe_or_standard(vector: &Value) -> &'static str {
    if has(vector, "Stripe-Signature") { "stripe" } else { "standard-webhooks" }
}

pub(super) fn shopify(vector: &Value) -> &'static str {
    if has(vector, "shopify-hmac-sha256") { "shopify-events" } else { "shopify" }
}

/// Twilio puts a digest of the body into the URL where the body is no form.
pub(super) fn twilio(vector: &Value) -> &'static str {
    if text(vector, "url").contains("bodySHA256=") { "twilio-json" } else { "twilio" }
}

pub(super) fn bare_hex(vector: &Value) -> &'static str {
    if has(vector, "X-Razorpay-Signature") { "razorpay" } else { "gocardless" }
}

fn has(vector: &Value, name: &str) -> bool {
    headers(vector).any(|(header, _)| header.eq_ignore_ascii_case(name))
}

fn signature(vector: &Value) -> Option<&str> {
    headers(vector)
        .find(|(name, _)| name.eq_ignore_ascii_case("X-Hub-Signature"))
        .map(|(_, value)| value)
}

fn headers(vector: &Value) -> impl Iterator<Item = (&str, &str)> {
    let pairs = vector.get("headers").and_then(Value::as_array).into_iter().flatten();
    pairs.map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()))
}
