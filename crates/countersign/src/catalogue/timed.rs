//! HMAC over a time and the body.

use super::prelude::*;

rows! {
    "affirm", "Affirm", Weak, "webhook-co/webhook" =>
        .hmac_sha512(Signature::header("X-Affirm-Signature").prefix("v0=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("X-Affirm-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "airship", "Airship", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-UA-Signature"))
        .signed_content([Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-UA-Timestamp").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "airwallex", "Airwallex", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("x-signature"))
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("x-timestamp").format(TimeFormat::UnixMillis))
        .key_by_body();
    "box", "Box", Ran, "npm box-node-sdk 10.12.0 WebhooksManager.validateMessage" =>
        .hmac_sha256(Signature::header("BOX-SIGNATURE-PRIMARY").or_header("BOX-SIGNATURE-SECONDARY").base64())
        .signed_content([Body, Time])
        .timestamp(Timestamp::header("BOX-DELIVERY-TIMESTAMP").format(TimeFormat::Rfc3339))
        .window(Window::new(Duration::from_secs(600), Duration::from_secs(600)))
        .optional_event_type("trigger")
        .unverified_id("BOX-DELIVERY-ID")
        .key_by_body();
    "buildkite", "Buildkite", Documented, "buildkite.com/docs/apis/webhooks/pipelines; public receiver gpanders.com/treadle" =>
        .hmac_sha256(Signature::header("X-Buildkite-Signature").prefix("signature=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("X-Buildkite-Signature", ',', "timestamp=").format(TimeFormat::UnixSeconds))
        .optional_event_type("event")
        .key_by_body();
    "calendly", "Calendly", Documented, "developer.calendly.com webhook-signatures via webhook-co, trigger.dev" =>
        .hmac_sha256(Signature::header("Calendly-Webhook-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Calendly-Webhook-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .window(Window::new(Duration::from_secs(180), Duration::from_secs(180)))
        .optional_event_type("event")
        .key_by_body();
    "chatwoot", "Chatwoot", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Chatwoot-Signature").prefix("sha256="))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("X-Chatwoot-Timestamp"))
        .key_by_body();
    "close", "Close CRM", Weak, "trigger.dev registry (developer.close.com webhooks)" =>
        .hmac_sha256(Signature::header("close-sig-hash").hex_secret())
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("close-sig-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("event.action")
        .key_by_body();
    "cloudflare-stream", "Cloudflare Stream", Weak, "developers.cloudflare.com/stream/webhooks; SlopMaster2/webhook-verify" =>
        .hmac_sha256(Signature::header("Webhook-Signature").prefix("sig1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Webhook-Signature", ',', "time=").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "coinbase-cdp", "Coinbase Developer Platform (Hook0)", Documented, "docs.cdp.coinbase.com/webhooks/verify-signatures; public receivers and the Hook0 clients" =>
        .hmac_sha256(Signature::header("X-Hook0-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Part::NamesInItem("h=".into()), Part::literal("."), Part::ValuesOfNamesInItem("h=".into()), Part::literal("."), Body])
        .timestamp(Timestamp::header_item("X-Hook0-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .unverified_id("X-Hook0-Id")
        .key_by_body();
    "configcat", "ConfigCat", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-ConfigCat-Webhook-Signature-V1").base64().separator(','))
        .signed_content([Id, Time, Body])
        .timestamp(Timestamp::header("X-ConfigCat-Webhook-Timestamp").format(TimeFormat::UnixSeconds))
        .event_id_header("X-ConfigCat-Webhook-ID");
    "crisp", "Crisp", Ran, "npm crisp-api 11.3.0 verifyWidget (same code as verifyHook)" =>
        .hmac_sha256(Signature::header("X-Crisp-Signature").lower_hex())
        .signed_content([Part::literal("["), Time, Part::literal(";"), Body, Part::literal("]")])
        .timestamp(Timestamp::header("X-Crisp-Request-Timestamp").format(TimeFormat::UnixMillis))
        .key_by_body();
    "customer-io", "Customer.io", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("X-CIO-Signature"))
        .signed_content([Part::literal("v0:"), Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-CIO-Timestamp").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "daily", "Daily.co", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Webhook-Signature").base64().base64_secret(""))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("X-Webhook-Timestamp"))
        .key_by_body();
    "elevenlabs", "ElevenLabs", Ran, "npm @elevenlabs/elevenlabs-js 2.73.0" =>
        .hmac_sha256(Signature::header("ElevenLabs-Signature").prefix("v0=").lower_hex().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("ElevenLabs-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .window(Window::new(Duration::from_secs(1800), Duration::from_secs(1800)))
        .optional_event_type("type")
        .key_by_body()
        .answer_within(Duration::from_secs(10));
    "emailit", "Emailit", Documented, "emailit.com/docs/webhooks/request-signature" =>
        .hmac_sha256(Signature::header("X-Emailit-Signature"))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("X-Emailit-Timestamp").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "front", "Front", Documented, "dev.frontapp.com/docs/application-webhooks; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Front-Signature").base64())
        .signed_content([Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-Front-Request-Timestamp").format(TimeFormat::UnixMillis))
        .optional_event_type("type")
        .key_by_body()
        .handshake(Handshake::when_field("type", "sync").echo_header("X-Front-Challenge"));
    "grafana", "Grafana alerting", Weak, "Grafana provisioning docs as quoted in public receivers, gronin and others" =>
        .hmac_sha256(Signature::header("X-Grafana-Alerting-Signature"))
        .signed_content([Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-Grafana-Alerting-Signature-Timestamp").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "klaviyo", "Klaviyo", Documented, "developers.klaviyo.com/en/docs/system-webhooks; webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("Klaviyo-Signature"))
        .signed_content([Body, Time])
        .timestamp(Timestamp::header("Klaviyo-Timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("data.0.topic")
        .key_by_body();
    "knock", "Knock", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("x-knock-signature").prefix("s=").base64().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("x-knock-signature", ',', "t=").format(TimeFormat::UnixMillis))
        .key_by_body();
    "lob", "Lob", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Lob-Signature"))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("Lob-Signature-Timestamp"))
        .key_by_body();
    "lovable", "Lovable", Ran, "npm @lovable.dev/webhooks-js 0.0.2" =>
        .hmac_sha256(Signature::header("x-lovable-signature").prefix("sha256=").lower_hex())
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("x-lovable-timestamp"))
        .key_by_body();
    "moneybird", "Moneybird", Documented, "developer.moneybird.com/webhooks/verifying-signatures" =>
        .hmac_sha256(Signature::header("Moneybird-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Moneybird-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "mux", "Mux", Ran, "npm @mux/mux-node 15.3.0; mux.com/docs/core/verify-webhook-signatures" =>
        .hmac_sha256(Signature::header("Mux-Signature").prefix("v1=").lower_hex().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Mux-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id("id")
        .key_by_body();
    "orb", "Orb", Ran, "npm orb-billing 6.11.0 webhooks" =>
        .hmac_sha256(Signature::header("X-Orb-Signature").prefix("v1=").lower_hex().separator(' '))
        .signed_content([Part::literal("v1:"), Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-Orb-Timestamp").format(TimeFormat::Rfc3339WithoutZone))
        .key_by_body();
    "paddle", "Paddle Billing", Ran, "npm @paddle/paddle-node-sdk 3.10.0" =>
        .hmac_sha256(Signature::header("Paddle-Signature").prefix("h1=").lower_hex().separator(';'))
        .signed_content([Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header_item("Paddle-Signature", ';', "ts=").format(TimeFormat::UnixSeconds))
        .window(Window::new(Duration::from_secs(5), Duration::from_secs(5)))
        .optional_event_type("event_type")
        .event_id("event_id")
        .key_by_body()
        .answer_within(Duration::from_secs(5))
        .retries(Retries::within(Duration::from_secs(259200)));
    "persona", "Persona", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Persona-Signature").prefix("v1=").separator(',').group_separator(' '))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Persona-Signature", ',', "t=").group_separator(' ').format(TimeFormat::UnixSeconds))
        .key_by_body();
    "qonto", "Qonto", Documented, "docs.qonto.com business-api/webhooks" =>
        .hmac_sha256(Signature::header("X-Qonto-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("X-Qonto-Signature", ',', "t="))
        .key_by_body()
        .answer_within(Duration::from_secs(1));
    "recurly", "Recurly", Documented, "docs.recurly.com/recurly-subscriptions/docs/signature-verification; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("recurly-signature").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::first_item("recurly-signature", ',').format(TimeFormat::UnixMillis))
        .key_by_body();
    "retell", "Retell AI", Ran, "npm retell-sdk 5.66.1 lib/webhook_auth" =>
        .hmac_sha256(Signature::header("x-retell-signature").prefix("d=").separator(','))
        .signed_content([Body, Time])
        .timestamp(Timestamp::header_item("x-retell-signature", ',', "v=").format(TimeFormat::UnixMillis))
        .optional_event_type("event")
        .key_by_body();
    "revenuecat", "RevenueCat (signed)", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-RevenueCat-Webhook-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("X-RevenueCat-Webhook-Signature", ',', "t="))
        .key_by_body();
    "revolut", "Revolut", Documented, "developer.revolut.com verify-the-payload-signature" =>
        .hmac_sha256(Signature::header("Revolut-Signature").prefix("v1=").separator(','))
        .signed_content([Part::literal("v1."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("Revolut-Request-Timestamp").format(TimeFormat::UnixMillis))
        .optional_event_type("event")
        .key_by_body();
    "sanity", "Sanity", Ran, "npm @sanity/webhook 4.0.4; sanity.io changelog 2026-04-29" =>
        .hmac_sha256(Signature::header("sanity-webhook-signature").prefix("v1=").base64url().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("sanity-webhook-signature", ',', "t=").format(TimeFormat::UnixMillis))
        .unverified_id("idempotency-key")
        .key_by_body()
        // A 4xx other than 429.
        .final_on_4xx()
        .retries(Retries::after([30, 30].map(Duration::from_secs)));
    "shippo", "Shippo", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Shippo-Auth-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Shippo-Auth-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "sinch", "Sinch Conversation", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("x-sinch-webhook-signature").base64())
        .signed_content([Body, Part::literal("."), Part::header("x-sinch-webhook-signature-nonce"), Part::literal("."), Time])
        .timestamp(Timestamp::header("x-sinch-webhook-signature-timestamp").format(TimeFormat::UnixSeconds))
        .key_by_body();
    // Interactivity is `payload`, a command the form itself. Neither has an `event_id`: they are keyed by
    // their bytes, which have a `trigger_id` wherever there is one.
    "slack", "Slack", Ran, "docs.slack.dev verifying-requests-from-slack; npm @slack/bolt 5.1.0" =>
        .hmac_sha256(Signature::header("X-Slack-Signature").prefix("v0=").lower_hex())
        .signed_content([Part::literal("v0:"), Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("X-Slack-Request-Timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id("event_id")
        .key_by_body()
        .form_field("payload")
        .form()
        .answer_within(Duration::from_secs(3))
        .retries(Retries::after([0, 60, 300].map(Duration::from_secs)))
        .handshake(Handshake::when_field("type", "url_verification").echo_field("challenge"));
    "stripe", "Stripe", Ran, "npm stripe 23.1.0 webhooks; docs.stripe.com/webhooks" =>
        .hmac_sha256(Signature::header("Stripe-Signature").prefix("v1=").lower_hex().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Stripe-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id("id")
        .key_by_body()
        .retries(Retries::within(Duration::from_secs(259200)));
    "surge", "Surge", Documented, "docs.surge.app/api-reference/webhooks/signature-validation" =>
        .hmac_sha256(Signature::header("Surge-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Surge-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id("id")
        .key_by_body();
    "tiktok", "TikTok", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("TikTok-Signature").prefix("s=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("TikTok-Signature", ',', "t=").format(TimeFormat::UnixSeconds))
        .key_by_body();
    "twitch", "Twitch EventSub", Documented, "dev.twitch.tv; twitchdev/twitch-cli forward_event.go" =>
        .hmac_sha256(Signature::header("Twitch-Eventsub-Message-Signature").prefix("sha256="))
        .signed_content([Id, Time, Body])
        .timestamp(Timestamp::header("Twitch-Eventsub-Message-Timestamp").format(TimeFormat::Rfc3339))
        .window(Window::new(Duration::from_secs(600), Duration::from_secs(600)))
        .optional_event_type("subscription.type")
        .event_id_header("Twitch-Eventsub-Message-Id")
        .handshake(Handshake::when_header("Twitch-Eventsub-Message-Type", "webhook_callback_verification").echo_field("challenge"));
    "webflow", "Webflow", Ran, "npm webflow-api 3.3.4; developers.webflow.com request-signatures" =>
        .hmac_sha256(Signature::header("x-webflow-signature").lower_hex())
        .signed_content([Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("x-webflow-timestamp").format(TimeFormat::UnixMillis))
        .key_by_body()
        .answer_within(Duration::from_secs(30))
        .retries(Retries::after([600, 600, 600].map(Duration::from_secs)));
    "whereby", "Whereby", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("Whereby-Signature").prefix("v1=").separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("Whereby-Signature", ',', "t="))
        .key_by_body();
    "workos", "WorkOS", Ran, "pypi workos 10.8.0; npm @workos-inc/node 8.13.0" =>
        .hmac_sha256(Signature::header("WorkOS-Signature").prefix("v1=").lower_hex().separator(','))
        .signed_content([Time, Part::literal("."), Body])
        .timestamp(Timestamp::header_item("WorkOS-Signature", ',', "t=").format(TimeFormat::UnixMillis))
        .window(Window::new(Duration::from_secs(180), Duration::from_secs(180)))
        .optional_event_type("event")
        .event_id("id")
        .key_by_body();
    "zendesk", "Zendesk", Documented, "developer.zendesk.com webhooks/verifying via webhook-co, trigger.dev" =>
        .hmac_sha256(Signature::header("X-Zendesk-Webhook-Signature").base64())
        .signed_content([Time, Body])
        .timestamp(Timestamp::header("X-Zendesk-Webhook-Signature-Timestamp").format(TimeFormat::Rfc3339))
        .key_by_body()
        .answer_within(Duration::from_secs(10));
    "zoom", "Zoom", Documented, "developers.zoom.us webhooks" =>
        .hmac_sha256(Signature::header("x-zm-signature").prefix("v0="))
        .signed_content([Part::literal("v0:"), Time, Part::literal(":"), Body])
        .timestamp(Timestamp::header("x-zm-request-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("event")
        .key_by_body()
        .answer_within(Duration::from_secs(3))
        .retries(Retries::after([300, 1200, 3600].map(Duration::from_secs)))
        .handshake(Handshake::when_field("event", "endpoint.url_validation").echo_field_with_mac("payload.plainToken", "plainToken", "encryptedToken"));
}
