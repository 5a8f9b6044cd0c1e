//! Providers that show a shared token.

use super::prelude::*;

rows! {
    "auth0", "Auth0 log streams", Weak, "trigger.dev" =>
        .shared_token(Token::header("Authorization"));
    "chargebee", "Chargebee", Weak, "hookdeck/webhook-skills; webhook-co/webhook" =>
        .shared_token(Token::basic())
        .answer_within(Duration::from_secs(20));
    "cloudevents", "CloudEvents HTTP webhook", Documented, "cloudevents/spec http-webhook.md" =>
        .shared_token(Token::bearer())
        .unverified_event_type("ce-type")
        .unverified_id("ce-id")
        .handshake(Handshake::allow_origin());
    "cloudflare-notifications", "Cloudflare Notifications", Weak, "trigger.dev" =>
        .shared_token(Token::header("cf-webhook-auth"));
    "deepgram", "Deepgram callbacks", Weak, "hookdeck/webhook-skills; trigger.dev" =>
        .shared_token(Token::header("dg-token"))
        .retries(Retries::after([30, 30, 30, 30, 30, 30, 30, 30, 30, 30].map(Duration::from_secs)));
    "gitlab", "GitLab (secret token)", Documented, "gitlab-org/gitlab docs; pypi webhooks-cc 0.2.0" =>
        .shared_token(Token::header("X-Gitlab-Token"))
        .optional_event_type("object_kind")
        .unverified_id("Idempotency-Key")
        .answer_within(Duration::from_secs(10));
    // Message numbers are counted in each channel. All of these headers are claims: the token is what
    // proves them, and whoever has it can write any.
    "google-push", "Google Calendar / Drive push channels", Weak, "trigger.dev; the channel's id: developers.google.com/workspace/calendar/api/guides/push" =>
        .shared_token(Token::header("X-Goog-Channel-Token"))
        .unverified_event_type("X-Goog-Resource-State")
        .unverified_id("X-Goog-Message-Number")
        .unverified_channel("X-Goog-Channel-ID");
    "huggingface", "Hugging Face", Weak, "trigger.dev; hub-docs#2749" =>
        .shared_token(Token::header("X-Webhook-Secret"))
        .optional_event_type("event.action")
        .unverified_id("Webhook-Id");
    "postmark", "Postmark", Documented, "postmarkapp.com webhooks overview via trigger.dev, hookdeck" =>
        .shared_token(Token::basic())
        .optional_event_type("RecordType");
    "sparkpost", "SparkPost", Weak, "webhook-co/webhook" =>
        .shared_token(Token::basic());
    "telegram", "Telegram Bot API", Documented, "core.telegram.org/bots/api#setwebhook via trigger.dev; pypi webhooks-cc 0.2.0" =>
        .shared_token(Token::header("X-Telegram-Bot-Api-Secret-Token"))
        .event_id("update_id");
}
