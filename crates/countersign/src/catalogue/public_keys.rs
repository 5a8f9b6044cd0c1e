//! Providers whose signature a public key verifies.

use super::prelude::*;

rows! {
    #[cfg(feature = "ed25519")]
    "discord", "Discord Interactions", Ran, "npm discord-interactions 4.4.0; docs.discord.com" =>
        .ed25519(Signature::header("X-Signature-Ed25519"))
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("X-Signature-Timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id("id")
        .key_by_body()
        .handshake(Handshake::when_field("type", 1).without_field("event").answer_json(r#"{"type":1}"#));
    #[cfg(feature = "ed25519")]
    "discord-events", "Discord Webhook Events", Ran, "docs.discord.com/developers/events/webhook-events; npm discord-interactions 4.4.0" =>
        .ed25519(Signature::header("X-Signature-Ed25519"))
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("X-Signature-Timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("event.type")
        .key_by_body()
        .handshake(Handshake::when_field("type", 0).without_field("event").answer_nothing());
    #[cfg(feature = "p256")]
    "sendgrid", "SendGrid Event Webhook", Ran, "npm @sendgrid/eventwebhook 8.0.0" =>
        .ecdsa_p256(Signature::header("X-Twilio-Email-Event-Webhook-Signature").base64())
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("X-Twilio-Email-Event-Webhook-Timestamp").format(TimeFormat::UnixSeconds))
        .json_array()
        .optional_event_type("0.event")
        .event_id("0.sg_event_id")
        .key_by_body();
    #[cfg(feature = "ed25519")]
    "standard-webhooks-v1a", "Standard Webhooks, asymmetric (v1a)", Read, "standard-webhooks spec 1.0.0; symfony/cosium readings" =>
        .ed25519(Signature::header("webhook-signature").prefix("v1a,").base64().separator(' ').base64_secret("whpk_"))
        .signed_content([Id, Part::literal("."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id_header("webhook-id");
    #[cfg(feature = "ed25519")]
    "telnyx", "Telnyx", Ran, "npm telnyx 7.24.0 webhooks.unwrap" =>
        .ed25519(Signature::header("telnyx-signature-ed25519").base64())
        .signed_content([Time, Part::literal("|"), Body])
        .timestamp(Timestamp::header("telnyx-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("data.event_type")
        .event_id("data.id")
        .key_by_body();
}
