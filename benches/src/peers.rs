//! The other crates, each called as its documentation says, with the key prepared where that can be.

use crate::SECRET;
use crate::sent::Scheme;
use crate::verifiers::Verifier;

const HUB: &str = "x-hub-signature-256";

/// Those that know this scheme.
pub fn verifiers(scheme: Scheme) -> Vec<Verifier> {
    match scheme {
        Scheme::GitHub => {
            vec![octoevents(&[SECRET]), webhook_verify(scheme), octocrab()]
        }
        #[cfg(feature = "svix")]
        Scheme::StandardWebhooks => vec![webhook_verify(scheme), standardwebhooks(), svix()],
        #[cfg(not(feature = "svix"))]
        Scheme::StandardWebhooks => vec![webhook_verify(scheme), standardwebhooks()],
        #[cfg(feature = "stripe")]
        Scheme::Stripe => vec![webhook_verify(scheme), async_stripe()],
        #[cfg(not(feature = "stripe"))]
        Scheme::Stripe => vec![webhook_verify(scheme)],
        Scheme::Piora | Scheme::Hostwares => Vec::new(),
    }
}

/// With these secrets, the current one first.
pub fn octoevents(secrets: &[&str]) -> Verifier {
    let secret = |text: &str| octoevents::WebhookSecret::new(text);
    let current = octoevents::Verifier::new(secret(secrets[0]));
    let older = |verifier: octoevents::Verifier, text: &&str| verifier.also(secret(text));
    let verifier = secrets[1..].iter().fold(current, older);
    Verifier::new("octoevents", move |headers, body| {
        let Some(value) = headers.get(HUB) else { return false };
        let Ok(signature) = octoevents::Signature::try_from(value) else { return false };
        verifier.verify(&signature, &body).is_ok()
    })
}

fn octocrab() -> Verifier {
    let verifier = octocrab::models::webhook_events::verification::WebhookVerifier::new(SECRET);
    Verifier::new("octocrab", move |headers, body| {
        let value = headers.get(HUB).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| verifier.verify(value, &body).is_ok())
    })
}

fn webhook_verify(scheme: Scheme) -> Verifier {
    let secret = webhook_verify::Secret::new(scheme.secret(SECRET));
    Verifier::new("webhook-verify", move |headers, body| {
        let provider = match scheme {
            Scheme::StandardWebhooks => webhook_verify::Provider::StandardWebhooks,
            Scheme::Stripe => webhook_verify::Provider::Stripe,
            _ => webhook_verify::Provider::GitHub,
        };
        webhook_verify::verify(provider, headers, &body, &secret, Default::default()).is_ok()
    })
}

fn standardwebhooks() -> Verifier {
    let secret = Scheme::StandardWebhooks.secret(SECRET);
    let webhook = standardwebhooks::Webhook::new(&secret).expect("a secret");
    let verify =
        move |headers: &http::HeaderMap, body: bytes::Bytes| webhook.verify(&body, headers).is_ok();
    Verifier::new("standardwebhooks", verify)
}

#[cfg(feature = "svix")]
fn svix() -> Verifier {
    let secret = Scheme::StandardWebhooks.secret(SECRET);
    let webhook = svix::webhooks::Webhook::new(&secret).expect("a secret");
    Verifier::new("svix", move |headers, body| webhook.verify(&body, headers).is_ok())
}

/// It has no call that only verifies: the event is read, too.
#[cfg(feature = "stripe")]
fn async_stripe() -> Verifier {
    Verifier::new("async-stripe-webhook", |headers, body| {
        let Ok(body) = std::str::from_utf8(&body) else { return false };
        let signature = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
        signature.is_some_and(|signature| {
            stripe_webhook::Webhook::construct_event(body, signature, SECRET).is_ok()
        })
    })
}

/// What that reading takes, without a proof.
#[cfg(feature = "stripe")]
pub fn async_stripe_reading() -> Verifier {
    Verifier::new("async-stripe-webhook, its reading of the event alone", |_, body| {
        std::str::from_utf8(&body).is_ok_and(|body| stripe_webhook::Webhook::insecure(body).is_ok())
    })
}
