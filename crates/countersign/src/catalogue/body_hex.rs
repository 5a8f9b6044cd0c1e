//! HMAC over the body, in hex.

use super::prelude::*;

rows! {
    "airtable", "Airtable", Weak, "webhook-co/webhook; trigger.dev (airtable.com/developers webhooks)" =>
        .hmac_sha256(Signature::header("X-Airtable-Content-MAC").prefix("hmac-sha256=").base64_secret(""));
    "asana", "Asana", Documented, "developers.asana.com/docs/webhooks-guide + reference/createwebhook; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Hook-Signature"))
        .answer_within(Duration::from_secs(10))
        .retries(Retries::within(Duration::from_secs(86400)))
        .handshake(Handshake::return_hook_secret());
    "ashby", "Ashby", Weak, "webhook-co/webhook; developers.ashbyhq.com/docs/retries" =>
        .hmac_sha256(Signature::header("Ashby-Signature").prefix("sha256="))
        .retries(Retries::after([10, 30, 70, 150, 310, 630, 1270, 2550, 5110].map(Duration::from_secs)));
    "attio", "Attio", Weak, "trigger.dev registry (docs.attio.com webhooks)" =>
        .hmac_sha256(Signature::header("Attio-Signature"))
        .optional_event_type("events.0.event_type");
    "authorize-net", "Authorize.Net", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha512(Signature::header("X-ANET-Signature").prefix("sha512=").hex_secret());
    #[cfg(feature = "sha1")]
    "autodesk-aps", "Autodesk Platform Services", Weak, "webhook-co/webhook" =>
        .hmac_sha1(Signature::header("x-adsk-signature").prefix("sha1hash="));
    "bitbucket", "Bitbucket Cloud and Server", Documented, "support.atlassian.com manage-webhooks; go-playground/webhooks" =>
        .hmac_sha256(Signature::header("X-Hub-Signature").prefix("sha256="))
        .unverified_event_type("X-Event-Key")
        .unverified_id("X-Request-UUID");
    "cal-com", "Cal.com", Documented, "webhook-co/webhook; trigger.dev (cal.com/docs webhooks); pypi webhooks-cc 0.2.0" =>
        .hmac_sha256(Signature::header("x-cal-signature-256"))
        .optional_event_type("triggerEvent");
    "chargify", "Chargify (Maxio)", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Chargify-Webhook-Signature-Hmac-Sha-256"));
    "checkout-com", "Checkout.com", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("Cko-Signature"))
        .optional_event_type("type");
    "checkr", "Checkr", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Checkr-Signature"));
    "circleci", "CircleCI", Documented, "circleci.com/docs/webhooks vectors; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("circleci-signature").prefix("v1=").separator(','));
    "clickup", "ClickUp", Documented, "developer.clickup.com/docs/webhooksignature; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Signature"))
        .optional_event_type("event")
        .forget_when_handled();
    "coinbase-commerce", "Coinbase Commerce", Ran, "npm coinbase-commerce-node 1.0.4 Webhook" =>
        .hmac_sha256(Signature::header("X-CC-Webhook-Signature").lower_hex())
        .optional_event_type("event.type")
        .event_id("event.id");
    "creem-legacy", "Creem (creem-signature)", Ran, "npm creem 1.13.0 /webhooks" =>
        .hmac_sha256(Signature::header("creem-signature"))
        .optional_event_type("eventType")
        .event_id("id");
    "cursor", "Cursor cloud agents", Weak, "hookdeck/webhook-skills cursor-webhooks" =>
        .hmac_sha256(Signature::header("X-Webhook-Signature").prefix("sha256="))
        .optional_event_type("event")
        .unverified_id("X-Webhook-ID");
    "deel", "Deel", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Deel-Signature"))
        .signed_content([Part::literal("POST"), Body]);
    "doppler", "Doppler", Weak, "webhook-co/webhook; npm @hookflo/tern 4.1.0" =>
        .hmac_sha256(Signature::header("X-Doppler-Signature").prefix("sha256=").lower_hex());
    "dropbox", "Dropbox", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("X-Dropbox-Signature"))
        .forget_when_handled()
        .handshake(Handshake::echo_query("challenge"));
    "dub", "Dub", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Dub-Signature"));
    "dwolla", "Dwolla", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("X-Request-Signature-SHA-256"));
    "easypost", "EasyPost", Ran, "npm @easypost/api 8.9.0 Utils.validateWebhook" =>
        .hmac_sha256(Signature::header("X-Hmac-Signature").prefix("hmac-sha256-hex=").lower_hex().ascii_secret())
        .optional_event_type("description")
        .event_id("id");
    // The same signature comes as X-Gitea-Signature, X-Gogs-Signature and X-Hub-Signature-256 too.
    // X-Forgejo-Event-Type is finer than the event (`pull_request_label` for `pull_request`); the body's
    // `action` says it as well. A hook of content type `application/x-www-form-urlencoded` signs the text
    // of its field `payload` and not the body, and is refused here: choose `application/json`.
    "forgejo", "Forgejo", Read, "forgejo services/webhook/shared/payloader.go AddDefaultHeaders, services/webhook/deliver.go" =>
        .hmac_sha256(Signature::header("X-Forgejo-Signature"))
        .unverified_event_type("X-Forgejo-Event")
        .unverified_id("X-Forgejo-Delivery")
        .retries(Retries::never());
    "framer", "Framer", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Framer-Signature").prefix("sha256="))
        .signed_content([Body, Part::header("Framer-Webhook-Submission-Id")]);
    // Forms as with Forgejo.
    "gitea", "Gitea", Read, "go-gitea/gitea services/webhook/deliver.go" =>
        .hmac_sha256(Signature::header("X-Gitea-Signature"))
        .unverified_event_type("X-Gitea-Event")
        .unverified_id("X-Gitea-Delivery")
        .retries(Retries::never());
    // The example in its documentation signs `Hello, World!`, and people send that first.
    "github", "GitHub", Ran, "docs.github.com webhooks pages; npm @octokit/webhooks-methods 6.0.0" =>
        .hmac_sha256(Signature::header("X-Hub-Signature-256").prefix("sha256=").lower_hex())
        .form_field("payload")
        .not_only_json()
        .unverified_event_type("X-GitHub-Event")
        .unverified_id("X-GitHub-Delivery")
        .answer_within(Duration::from_secs(10))
        .retries(Retries::never());
    "gocardless", "GoCardless", Ran, "npm gocardless-nodejs 10.1.2 /webhooks; header name: webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Webhook-Signature"))
        .event_id("events.0.id");
    #[cfg(feature = "sha1")]
    "intercom", "Intercom", Documented, "developers.intercom.com webhook notifications; pypi webhooks-cc 0.2.0" =>
        .hmac_sha1(Signature::header("X-Hub-Signature").prefix("sha1="))
        .optional_event_type("topic")
        .event_id("id");
    "jira", "Jira Cloud (admin webhooks)", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha256(Signature::header("X-Hub-Signature").prefix("sha256=").lower_hex())
        .optional_event_type("webhookEvent")
        .unverified_id("X-Atlassian-Webhook-Identifier");
    "launchdarkly", "LaunchDarkly", Documented, "launchdarkly.com/docs/home/infrastructure/webhooks, /docs/api/webhooks; webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-LD-Signature"))
        .event_id("_id");
    "lemonsqueezy", "Lemon Squeezy", Documented, "docs.lemonsqueezy.com signing-requests via webhook-co, trigger.dev" =>
        .hmac_sha256(Signature::header("X-Signature"))
        .unverified_event_type("X-Event-Name");
    // `webhookId` is the webhook's and not the event's, and `createdAt` is the payload's
    // (`EntityWebhookPayload` and its siblings in the SDK); what tells events apart is the time and the
    // id of what each kind of payload is about.
    "linear", "Linear", Ran, "npm @linear/sdk 98.0.0 /webhooks and types `*WebhookPayload`; linear.app/developers/webhooks" =>
        .hmac_sha256(Signature::header("Linear-Signature").lower_hex())
        .timestamp(Timestamp::body("webhookTimestamp").format(TimeFormat::UnixMillis).per_delivery())
        .window(Window::new(Duration::from_secs(60), Duration::from_secs(60)))
        .optional_event_type("type")
        .unverified_id("Linear-Delivery")
        .key_fields(["type", "action", "createdAt"])
        .optional_key_fields([
            "webhookId", "organizationId", "data.id", "data.updatedAt", "issueData.id", "notification.id",
            "agentSession.id", "agentActivity.id", "oauthClientId", "appUserId", "userId",
        ])
        .answer_within(Duration::from_secs(5))
        .retries(Retries::after([60, 3600, 21600].map(Duration::from_secs)));
    "linkedin", "LinkedIn", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-LI-Signature"))
        .signed_content([Part::literal("hmacsha256="), Body]);
    "mailtrap", "Mailtrap", Ran, "npm mailtrap 4.10.0 webhooks verify-signature" =>
        .hmac_sha256(Signature::header("Mailtrap-Signature"));
    "merge", "Merge", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Merge-Webhook-Signature").base64url());
    "meta", "Meta: Graph API, WhatsApp Cloud, Instagram, Messenger", Documented, "developers.facebook.com graph-api/webhooks/getting-started; webhook-co meta page" =>
        .hmac_sha256(Signature::header("X-Hub-Signature-256").prefix("sha256="))
        .optional_event_type("object")
        .retries(Retries::within(Duration::from_secs(129600)))
        .handshake(Handshake::echo_query_for_token(("hub.mode", "subscribe"), "hub.verify_token", "hub.challenge"));
    "modern-treasury", "Modern Treasury", Ran, "npm modern-treasury 3.3.0 webhooks" =>
        .hmac_sha256(Signature::header("X-Signature").lower_hex());
    "mollie", "Mollie (next-gen webhooks)", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Mollie-Signature").prefix("sha256="));
    // Its first request, with the token, is no handshake here: see `Handshake`.
    "notion", "Notion", Ran, "npm @notionhq/client 5.26.0" =>
        .hmac_sha256(Signature::header("X-Notion-Signature").prefix("sha256="))
        .optional_event_type("type")
        .event_id("id");
    "npm", "npm registry hooks", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("x-npm-signature").prefix("sha256="));
    "nylas", "Nylas", Weak, "webhook-co/webhook; trigger.dev (developer.nylas.com/docs/v3/webhooks)" =>
        .hmac_sha256(Signature::header("X-Nylas-Signature"));
    "onfido", "Onfido", Ran, "npm @onfido/api 6.2.0 WebhookEventVerifier; header name: public receivers" =>
        .hmac_sha256(Signature::header("X-SHA2-Signature"))
        .optional_event_type("payload.action");
    "onfleet", "Onfleet", Weak, "webhook-co/webhook" =>
        .hmac_sha512(Signature::header("X-Onfleet-Signature").hex_secret());
    "pagerduty", "PagerDuty v3", Documented, "developer.pagerduty.com webhook-signatures; PagerDuty/go-pagerduty webhookv3" =>
        .hmac_sha256(Signature::header("X-PagerDuty-Signature").prefix("v1=").separator(','))
        .optional_event_type("event.event_type")
        .event_id("event.id");
    "paystack", "Paystack", Weak, "webhook-co/webhook" =>
        .hmac_sha512(Signature::header("x-paystack-signature"));
    // X-Pusher-Key names the key that signed. It is not signed, and not read: each of the endpoint's
    // secrets is tried.
    "pusher", "Pusher Channels", Ran, "npm pusher 5.3.4 webhook().isValid" =>
        .hmac_sha256(Signature::header("X-Pusher-Signature").lower_hex())
        .optional_event_type("events.0.name");
    "ramp", "Ramp", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Ramp-Signature"));
    "razorpay", "Razorpay", Ran, "npm razorpay 2.9.8; header name: webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Razorpay-Signature").lower_hex())
        .optional_event_type("event")
        .unverified_id("x-razorpay-event-id");
    "savvycal", "SavvyCal", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Savvycal-Signature").prefix("sha256="));
    #[cfg(feature = "sha1")]
    "segment", "Segment", Weak, "webhook-co/webhook; trigger.dev" =>
        .hmac_sha1(Signature::header("X-Signature"));
    "sendbird", "Sendbird", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("X-Sendbird-Signature"));
    "sentry", "Sentry", Documented, "docs.sentry.io integration platform webhooks via trigger.dev; npm @hookflo/tern 4.1.0" =>
        .hmac_sha256(Signature::header("Sentry-Hook-Signature"))
        .unverified_event_type("Sentry-Hook-Resource")
        .unverified_id("Request-ID");
    "snyk", "Snyk", Weak, "trigger.dev" =>
        .hmac_sha256(Signature::header("X-Hub-Signature").prefix("sha256=").lower_hex());
    "squarespace", "Squarespace", Weak, "webhook-co/webhook" =>
        .hmac_sha256(Signature::header("Squarespace-Signature").hex_secret());
    "stream", "Stream (getstream.io)", Ran, "npm stream-chat 9.53.0 verifyWebhook" =>
        .hmac_sha256(Signature::header("X-Signature").lower_hex());
    "vapi", "Vapi", Weak, "trigger.dev registry (docs.vapi.ai server-authentication)" =>
        .hmac_sha256(Signature::header("x-vapi-signature"))
        .optional_event_type("message.type");
    #[cfg(feature = "sha1")]
    "vercel", "Vercel", Documented, "vercel.com/docs/webhooks via webhook-co, trigger.dev; pypi webhooks-cc 0.2.0" =>
        .hmac_sha1(Signature::header("x-vercel-signature"))
        .optional_event_type("type")
        .event_id("id")
        .answer_within(Duration::from_secs(30))
        .retries(Retries::within(Duration::from_secs(86400)));
    #[cfg(feature = "sha1")]
    "webex", "Cisco Webex", Weak, "trigger.dev" =>
        .hmac_sha1(Signature::header("X-Spark-Signature"));
}
