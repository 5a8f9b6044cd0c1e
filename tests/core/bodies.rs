//! What is read from bodies that are not a JSON object: forms, JSON in a form, arrays.

mod arrays;
mod attacks;
mod forms;
mod refused;

use countersign::testing::Signer;
use countersign::{
    Delivery, Endpoint, ErrorChain, FromDelivery, Part, Provider, ProviderBuilder, Rejection,
    Signature, catalogue,
};
use serde::de::DeserializeOwned;

use crate::support::{NOW, SECRET, clock_at, deliver, moment, secret, with};

fn preset(id: &str) -> Provider {
    catalogue::by_id(id).unwrap().provider()
}

fn hmac() -> ProviderBuilder {
    Provider::builder("acme").hmac_sha256(Signature::header("X-Signature"))
}

/// The fields of a form are signed, and not the body's bytes.
fn sorted() -> ProviderBuilder {
    hmac().signed_content([Part::literal("v1:"), Part::SortedForm])
}

/// Signs the body as the provider would, and delivers it with this `Content-Type`.
fn send_as(
    provider: &Provider,
    content_type: &str,
    body: impl AsRef<[u8]>,
) -> Result<Delivery, Rejection> {
    const URL: &str = "https://hooks.example.test";
    // A public key would not do: these providers sign with secrets.
    let endpoint = Endpoint::builder(provider.name(), provider.clone())
        .secret(secret(SECRET))
        .public_url(URL)
        .clock(clock_at(NOW))
        .build()
        .unwrap();
    let key = secret(SECRET);
    let headers = Signer::new(provider, &key).at(moment(NOW)).url(URL, "/").sign(&body);
    deliver(&endpoint, &with(headers, "Content-Type", content_type), body)
}

fn send(provider: &Provider, body: impl AsRef<[u8]>) -> Result<Delivery, Rejection> {
    send_as(provider, "application/x-www-form-urlencoded", body)
}

fn delivered(provider: &Provider, body: impl AsRef<[u8]>) -> Delivery {
    send(provider, body).unwrap()
}

/// The event, as a handler gets it.
fn event<T: DeserializeOwned>(delivery: &Delivery) -> T {
    T::from_delivery(delivery).unwrap()
}

/// What is said of a delivery that holds no such event.
fn mismatch<T: DeserializeOwned>(delivery: &Delivery) -> String {
    let error = T::from_delivery(delivery).map(drop).unwrap_err();
    assert_eq!((error.status(), error.body()), (400, r#"{"error":"event_mismatch"}"#));
    ErrorChain::of(&error).to_string()
}

/// Percent-encodes everything that is not a letter or digit.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}
