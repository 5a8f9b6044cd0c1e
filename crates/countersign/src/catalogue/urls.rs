//! Providers that sign the URL or the method.

use super::prelude::*;

rows! {
    "contentful", "Contentful", Ran, "npm @contentful/node-apps-toolkit 3.16.1" =>
        .hmac_sha256(Signature::header("x-contentful-signature").lower_hex())
        .signed_content([Method, Part::literal("\n"), TargetEncoded, Part::literal("\n"), Part::NamedHeaders("x-contentful-signed-headers".into()), Part::literal("\n"), Body])
        .timestamp(Timestamp::header("x-contentful-timestamp").format(TimeFormat::UnixMillis))
        .window(Window::new(Duration::from_secs(30), Duration::from_secs(30)))
        .unverified_event_type("X-Contentful-Topic")
        .key_by_body();
    // No key of an item's fields: `eventId` is not promised to be unique. `attemptNumber` makes another
    // body of each retry.
    "hubspot", "HubSpot (v3)", Ran, "npm @hubspot/api-client 13.5.0 Signature" =>
        .hmac_sha256(Signature::header("X-HubSpot-Signature-v3").base64())
        .signed_content([Method, UrlDecoded, Body, Time])
        .timestamp(Timestamp::header("X-HubSpot-Request-Timestamp").format(TimeFormat::UnixMillis))
        .json_array()
        .optional_event_type("0.subscriptionType")
        .key_by_body()
        .retries(Retries::within(Duration::from_secs(86400)));
    #[cfg(feature = "sha1")]
    "mandrill", "Mandrill (Mailchimp Transactional)", Weak, "webhook-co/webhook; trigger.dev; mandrill.zendesk.com Webhook Format" =>
        .hmac_sha1(Signature::header("X-Mandrill-Signature").base64())
        .signed_content([Url, SortedForm])
        .form_field("mandrill_events")
        .json_array()
        .optional_event_type("0.event");
    "square", "Square", Ran, "npm square 46.0.0 WebhooksHelper" =>
        .hmac_sha256(Signature::header("x-square-hmacsha256-signature").base64())
        .signed_content([Url, Body])
        .optional_event_type("type")
        .event_id("event_id")
        .retries(Retries::within(Duration::from_secs(86400)));
    #[cfg(feature = "sha1")]
    "trello", "Trello", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha1(Signature::header("X-Trello-Webhook").base64())
        .signed_content([Body, Url]);
    #[cfg(feature = "sha1")]
    "twilio", "Twilio (form requests)", Ran, "npm twilio 6.2.0 lib/webhooks/webhooks; pypi twilio 9.13.0" =>
        .hmac_sha1(Signature::header("X-Twilio-Signature").base64())
        .signed_content([Url, SortedForm])
        .unverified_id("I-Twilio-Idempotency-Token")
        .answer_within(Duration::from_secs(15));
    #[cfg(feature = "sha1")]
    "twilio-json", "Twilio (JSON requests)", Ran, "npm twilio 6.2.0 lib/webhooks/webhooks" =>
        .hmac_sha1(Signature::header("X-Twilio-Signature").base64())
        .signed_content([Url, Part::BodySha256InQuery("bodySHA256".into())])
        .unverified_id("I-Twilio-Idempotency-Token")
        .answer_within(Duration::from_secs(15));
    // X-Twilio-Webhooks-Signature-Settings names the key and the hash. It is not signed, and not read:
    // each of the endpoint's secrets is tried, and with this hash alone. Otherwise whoever can forge one
    // of an older hash could name that.
    "twilio-shared-key", "Twilio, shared keys (SHA-256, public beta)", Ran, "twilio.com/docs/usage/webhooks/webhook-shared-keys; pypi twilio 9.13.0 request_validator" =>
        .hmac_sha256(Signature::header("X-Twilio-Signature").base64())
        .signed_content([Url, SortedForm])
        .unverified_id("I-Twilio-Idempotency-Token")
        .answer_within(Duration::from_secs(15));
}
