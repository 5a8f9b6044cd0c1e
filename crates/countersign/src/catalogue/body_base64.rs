//! HMAC over the body, in base64.

use super::prelude::*;

rows! {
    "ably", "Ably", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Ably-Signature").base64());
    "acuity", "Acuity Scheduling", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Acuity-Signature").base64())
        .forget_when_handled();
    "adyen-platform", "Adyen (platform, banking, management)", Ran, "npm @adyen/api-library 32.1.0 hmacValidator.validateHMACSignature" =>
        .hmac_sha256(Signature::header("HmacSignature").base64().hex_secret())
        .optional_event_type("type");
    "aftership", "AfterShip", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("aftership-hmac-sha256").base64());
    "bolt", "Bolt", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Bolt-Hmac-Sha256").base64());
    "commercelayer", "Commerce Layer", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-CommerceLayer-Signature").base64())
        .unverified_event_type("X-CommerceLayer-Topic");
    "cronofy", "Cronofy", Ran, "npm cronofy 3.8.4 hmacValid; header name: webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Cronofy-HMAC-SHA256").base64().separator(','))
        .optional_event_type("notification.type");
    "docusign", "DocuSign Connect", Documented, "developers.docusign.com connect/validate via webhook-co, trigger.dev" =>
        .hmac_sha256(Signature::header("X-DocuSign-Signature-").numbered(100).base64())
        .optional_event_type("event")
        .not_only_json();
    "envoy", "Envoy", Documented, "developers.envoy.com/hub/docs/create-webhooks" =>
        .hmac_sha256(Signature::header("X-Envoy-Signature").base64())
        .retries(Retries::within(Duration::from_secs(600)));
    "fastspring", "FastSpring", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-FS-Signature").base64());
    #[cfg(feature = "sha1")]
    "front-rules", "Front rule webhooks", Documented, "dev.frontapp.com/docs/rule-webhooks" =>
        .hmac_sha1(Signature::header("X-Front-Signature").base64());
    #[cfg(feature = "sha1")]
    "helpscout", "Help Scout", Weak, "trigger.dev" =>
        .hmac_sha1(Signature::header("X-HelpScout-Signature").base64())
        .unverified_event_type("X-HelpScout-Event");
    "heroku", "Heroku", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Heroku-Webhook-Hmac-SHA256").base64());
    "kontent-ai", "Kontent.ai", Ran, "npm @kontent-ai/webhook-helper 3.0.3" =>
        .hmac_sha256(Signature::header("X-Kontent-ai-Signature").base64());
    // A retry says `isRedelivery`, so it has other bytes. A delivery of one event is known again by the
    // event's id; one of several is not.
    "line", "LINE Messaging API", Ran, "npm @line/bot-sdk 11.0.0 validate-signature" =>
        .hmac_sha256(Signature::header("x-line-signature").base64())
        .optional_event_type("events.0.type")
        .event_id("events.0.webhookEventId");
    #[cfg(feature = "sha1")]
    "mongodb-atlas", "MongoDB Atlas alerts", Weak, "webhook-co/webhook" =>
        .hmac_sha1(Signature::header("X-MMS-Signature").base64());
    "ms-teams", "Microsoft Teams outgoing webhooks", Weak, "webhook-co/webhook; trigger.dev (learn.microsoft.com)" =>
        .hmac_sha256(Signature::header("Authorization").prefix("HMAC ").base64().base64_secret(""));
    "primer", "Primer", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Signature-Primary").base64());
    "quickbooks", "QuickBooks Online (Intuit)", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("intuit-signature").base64());
    "shopify", "Shopify", Ran, "npm @shopify/shopify-api 13.1.0; shopify.dev verify-deliveries" =>
        .hmac_sha256(Signature::header("X-Shopify-Hmac-SHA256").base64())
        .unverified_event_type("X-Shopify-Topic")
        .unverified_id("X-Shopify-Webhook-Id")
        .answer_within(Duration::from_secs(5))
        .retries(Retries::within(Duration::from_secs(14400)));
    "shopify-events", "Shopify Events (new header family)", Ran, "npm @shopify/shopify-api 13.1.0" =>
        .hmac_sha256(Signature::header("shopify-hmac-sha256").base64())
        .unverified_event_type("shopify-topic")
        .unverified_id("shopify-webhook-id")
        .answer_within(Duration::from_secs(5))
        .retries(Retries::within(Duration::from_secs(14400)));
    "tally", "Tally", Weak, "webhook-co/webhook; trigger.dev (tally.so/help/webhooks)" =>
        .hmac_sha256(Signature::header("Tally-Signature").base64());
    "typeform", "Typeform", Documented, "typeform.com secure-your-webhooks via webhook-co, trigger.dev; pypi webhooks-cc 0.2.0" =>
        .hmac_sha256(Signature::header("Typeform-Signature").prefix("sha256=").base64())
        .optional_event_type("event_type")
        .event_id("event_id");
    "woocommerce", "WooCommerce", Documented, "woocommerce.com webhooks via webhook-co, trigger.dev, hookdeck; npm @hookflo/tern 4.1.0" =>
        .hmac_sha256(Signature::header("X-WC-Webhook-Signature").base64())
        .form()
        .unverified_event_type("X-WC-Webhook-Topic")
        .unverified_id("X-WC-Webhook-Delivery-ID")
        .answer_within(Duration::from_secs(60));
    // Its CRC check is no handshake here: the answer would be the signature of a delivery whose body
    // the asker chooses. See `Handshake`.
    "x", "X (Twitter) Account Activity", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("x-twitter-webhooks-signature").prefix("sha256=").base64());
    // Answers must have no body either, which an `error_handler` can give. See `Handshake`.
    "xero", "Xero", Documented, "developer.xero.com/documentation/webhooks/configuring-your-server" =>
        .hmac_sha256(Signature::header("x-xero-signature").base64())
        .answer_within(Duration::from_secs(5))
        .retries(Retries::within(Duration::from_secs(86400)));
}
