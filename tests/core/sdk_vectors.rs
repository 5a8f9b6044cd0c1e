//! Deliveries that the providers' own SDKs have judged, and how many there are of each provider.
//!
//! `tests/vectors/README.md` says where they are from. Each was accepted or refused by the SDK that
//! it names; `expect` is what holds with the window of the row.

use std::collections::BTreeMap;

use serde_json::Value;

/// Providers that no row can decide, and why.
pub(crate) const WITHOUT_A_ROW: &[(&str, &str)] = &[
    ("adyen", "the signature stands in the body and covers some of its fields"),
    ("braintree", "signature and content are two fields of a form"),
    ("dropbox-sign", "the signature stands in the body and covers two of its fields"),
    ("hygraph", "the signature covers an object that holds the body as a string"),
    ("mailgun", "the signature stands in the body and covers two of its fields"),
    ("mercado-pago", "the body is not signed"),
    ("plivo", "URL, query and form are joined by rules of their own"),
];

/// How many vectors there are of each provider.
const COUNTS: &[(&str, usize)] = &[
    ("adyen", 17),
    ("adyen-platform", 17),
    ("anthropic", 27),
    ("bitbucket", 18),
    ("box", 23),
    ("braintree", 17),
    ("brex", 27),
    ("cal-com", 18),
    ("calendly", 25),
    ("clerk", 27),
    ("coinbase-commerce", 18),
    ("contentful", 25),
    ("creem", 27),
    ("creem-legacy", 18),
    ("crisp", 25),
    ("cronofy", 20),
    ("discord", 23),
    ("discord-events", 23),
    ("docusign", 17),
    ("dodo", 27),
    ("doppler", 18),
    ("dropbox-sign", 18),
    ("easypost", 19),
    ("elevenlabs", 25),
    ("finch", 26),
    ("gemini", 27),
    ("github", 19),
    ("gitlab", 16),
    ("gitlab-signed", 26),
    ("gocardless", 18),
    ("hubspot", 24),
    ("hygraph", 15),
    ("intercom", 18),
    ("jira", 18),
    ("kontent-ai", 17),
    ("lemonsqueezy", 18),
    ("line", 17),
    ("linear", 21),
    ("liveblocks", 27),
    ("lovable", 23),
    ("mailgun", 16),
    ("mailtrap", 18),
    ("mercado-pago", 17),
    ("meta", 18),
    ("modern-treasury", 18),
    ("mux", 25),
    ("notion", 18),
    ("onfido", 18),
    ("openai", 27),
    ("orb", 26),
    ("paddle", 25),
    ("plivo", 15),
    ("polar", 28),
    ("pusher", 18),
    ("razorpay", 18),
    ("replicate", 27),
    ("resend", 27),
    ("retell", 22),
    ("sanity", 21),
    ("seam", 27),
    ("sendgrid", 22),
    ("sentry", 18),
    ("shopify", 17),
    ("shopify-events", 17),
    ("slack", 25),
    ("snyk", 18),
    ("square", 18),
    ("standard-webhooks", 27),
    ("standard-webhooks-v1a", 27),
    ("stream", 18),
    ("stripe", 26),
    ("supabase-auth-hooks", 27),
    ("svix", 27),
    ("telegram", 16),
    ("telnyx", 22),
    ("twilio", 18),
    ("twilio-json", 18),
    ("twilio-shared-key", 18),
    ("typeform", 17),
    ("vercel", 18),
    ("webflow", 23),
    ("woocommerce", 17),
    ("workos", 25),
];

/// All of them, of every provider in the folder.
pub(crate) fn all() -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/sdk");
    let (mut counts, mut all) = (BTreeMap::new(), Vec::new());
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
        for vector in &vectors {
            *counts.entry(vector["provider"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
        all.extend(vectors);
    }
    let expected = COUNTS.iter().map(|(provider, count)| ((*provider).to_owned(), *count));
    assert_eq!(counts, expected.collect());
    all
}

/// Whether a row can decide it. EasyPost's secrets here are of another alphabet, brought into a normal
/// form of Unicode; the row takes ASCII.
pub(crate) fn has_a_row(vector: &Value) -> bool {
    let provider = vector["provider"].as_str().unwrap();
    let is_ascii = vector["secret"].as_str().unwrap().is_ascii();
    let left_out = WITHOUT_A_ROW.iter().any(|(without, _)| *without == provider);
    !left_out && (provider != "easypost" || is_ascii)
}
