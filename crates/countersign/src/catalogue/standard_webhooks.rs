//! Standard Webhooks and Svix: an id, a time and the body.

use super::prelude::*;

rows! {
    "anthropic", "Anthropic (Claude)", Ran, "npm @anthropic-ai/sdk 1.13.0 beta.webhooks.unwrap" =>
        .standard_webhooks("webhook")
        .optional_event_type("data.type");
    "brex", "Brex", Documented, "webhook-co/webhook; trigger.dev registry (developer.brex.com/docs/webhooks)" =>
        .standard_webhooks("webhook")
        .optional_event_type("event_type");
    "clerk", "Clerk", Ran, "npm @clerk/backend 3.25.0 /webhooks" =>
        .standard_webhooks("svix")
        .optional_event_type("type")
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
    "creem", "Creem", Ran, "npm creem 1.13.0 /webhooks" =>
        .standard_webhooks("webhook")
        .optional_event_type("eventType");
    "dodo", "Dodo Payments", Ran, "npm dodopayments 2.52.0 webhooks.unwrap" =>
        .standard_webhooks("webhook")
        .optional_event_type("type");
    "etsy", "Etsy", Weak, "webhook-co/webhook" =>
        .standard_webhooks("webhook");
    "finch", "Finch", Ran, "npm @tryfinch/finch-api 10.7.0 webhooks" =>
        .hmac_sha256(Signature::header("Finch-Signature").prefix("v1,").base64().separator(' ').base64_secret(""))
        .signed_content([Id, Part::literal("."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("Finch-Timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("event_type")
        .event_id_header("Finch-Event-Id");
    "gemini", "Google Gemini (static webhooks)", Weak, "webhook-co/webhook; python-genai#2927" =>
        .standard_webhooks("webhook")
        .optional_event_type("type");
    "gitlab-signed", "GitLab (signing token, 19.0+)", Documented, "gitlab-org/gitlab!230944, !231325" =>
        .standard_webhooks("webhook")
        .optional_event_type("object_kind")
        .answer_within(Duration::from_secs(10));
    "incident-io", "incident.io", Weak, "webhook-co/webhook" =>
        .standard_webhooks("webhook");
    "increase", "Increase", Weak, "webhook-co/webhook" =>
        .standard_webhooks("webhook");
    "liveblocks", "Liveblocks", Ran, "npm @liveblocks/node 3.24.2 WebhookHandler" =>
        .standard_webhooks("webhook")
        .optional_event_type("type");
    "loops", "Loops", Weak, "webhook-co/webhook; trigger.dev (loops.so/docs/webhooks)" =>
        .standard_webhooks("webhook");
    "openai", "OpenAI", Ran, "npm openai 6.49.0 webhooks" =>
        .hmac_sha256(Signature::header("webhook-signature").prefix("v1,").base64().separator(' ').base64_or_text_secret("whsec_"))
        .signed_content([Id, Part::literal("."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id_header("webhook-id")
        .answer_within(Duration::from_secs(20));
    "polar", "Polar", Ran, "npm @polar-sh/sdk 1.0.1 /2026-10; polarsource/polar#14117, #14102" =>
        .hmac_sha256(Signature::header("webhook-signature").prefix("v1,").base64().separator(' ').text_or_base64_secret("whsec_"))
        .signed_content([Id, Part::literal("."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id_header("webhook-id");
    "recall-ai", "Recall.ai", Weak, "trigger.dev registry (docs.recall.ai authenticating-requests)" =>
        .standard_webhooks("webhook")
        .optional_event_type("event");
    "render", "Render", Weak, "webhook-co/webhook; trigger.dev (render.com/docs/webhooks)" =>
        .standard_webhooks("webhook")
        .optional_event_type("type");
    "replicate", "Replicate", Ran, "npm replicate 1.4.0 validateWebhook" =>
        .standard_webhooks("webhook")
        .optional_event_type("status");
    "resend", "Resend", Ran, "npm resend 6.38.0; resend.com/docs/webhooks/retries-and-replays" =>
        .standard_webhooks("svix")
        .optional_event_type("type")
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
    "seam", "Seam", Ran, "npm @seamapi/webhook 1.2.0" =>
        .standard_webhooks("svix")
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
    "standard-webhooks", "Standard Webhooks", Ran, "standard-webhooks spec 1.0.0; npm standardwebhooks 1.1.1" =>
        .standard_webhooks("webhook")
        .optional_event_type("type")
        .answer_within(Duration::from_secs(15));
    "stytch", "Stytch", Weak, "webhook-co/webhook" =>
        .standard_webhooks("svix")
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
    "supabase-auth-hooks", "Supabase Auth hooks", Weak, "webhook-co/webhook; standard-webhooks#235; OpenWA#1641" =>
        .hmac_sha256(Signature::header("webhook-signature").prefix("v1,").base64().separator(' ').base64_secret("v1,whsec_"))
        .signed_content([Id, Part::literal("."), Time, Part::literal("."), Body])
        .timestamp(Timestamp::header("webhook-timestamp").format(TimeFormat::UnixSeconds))
        .optional_event_type("type")
        .event_id_header("webhook-id");
    "svix", "Svix", Ran, "npm svix 1.99.1; Svix docs; svix/svix-webhooks server/svix-server/src/cfg.rs whitelabel_headers" =>
        .standard_webhooks("svix")
        .or_header_prefix("svix-", "webhook-")
        .optional_event_type("type")
        .answer_within(Duration::from_secs(15))
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
    "vanta", "Vanta", Weak, "webhook-co/webhook" =>
        .standard_webhooks("svix")
        .retries(Retries::after([5, 300, 1800, 7200, 18000, 36000, 36000].map(Duration::from_secs)));
}
