//! Secrets that are replaced while the endpoint is in use.

use bytes::Bytes;
use countersign::testing::Signer;
use countersign::{
    ConfigError, Endpoint, Provider, RejectionKind, Secret, Signature, Token, catalogue,
};

fn acme() -> Provider {
    Provider::builder("acme").hmac_sha256(Signature::header("x-signature")).build().unwrap()
}

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap().labeled(text)
}

fn endpoint() -> Endpoint {
    Endpoint::builder("acme", acme()).secret(secret("old")).build().unwrap()
}

fn signed(with: &str) -> Vec<(String, String)> {
    Signer::new(&acme(), &secret(with)).sign("{}")
}

#[test]
fn every_clone_sees_the_new_secrets() {
    let endpoint = endpoint();
    let clone = endpoint.clone();
    assert_eq!(
        clone.verify(&signed("new"), b"{}").unwrap_err().kind(),
        RejectionKind::SignatureMismatch
    );
    endpoint.replace_secrets([secret("new"), secret("old")]).unwrap();
    for (with, index) in [("new", 0), ("old", 1)] {
        let signed = signed(with);
        let verified = clone.verify(&signed, b"{}").unwrap();
        assert_eq!((verified.secret_label(), verified.secret_index()), (Some(with), index));
        let mut incoming = clone.begin(&signed).unwrap();
        incoming.push(Bytes::from_static(b"{}")).unwrap();
        let delivery = incoming.finish().unwrap();
        assert_eq!((delivery.secret_label(), delivery.secret_index()), (Some(with), index));
    }
    endpoint.replace_secrets([secret("new")]).unwrap();
    assert!(clone.verify(&signed("old"), b"{}").is_err());
    assert!(clone.verify(&signed("new"), b"{}").is_ok());
}

#[test]
fn a_delivery_is_proven_with_the_set_that_it_began_with() {
    let endpoint = endpoint();
    let begin = || {
        let mut incoming = endpoint.begin(&signed("old")).unwrap();
        incoming.push(Bytes::from_static(b"{")).unwrap();
        incoming
    };
    let mut incoming = begin();
    endpoint.replace_secrets([secret("new")]).unwrap();
    incoming.push(Bytes::from_static(b"}")).unwrap();
    assert_eq!(incoming.finish().unwrap().secret_label(), Some("old"));
    let mut incoming = begin();
    incoming.push(Bytes::from_static(b"}")).unwrap();
    assert_eq!(incoming.finish().unwrap_err().kind(), RejectionKind::SignatureMismatch);
}

#[test]
fn events_keep_their_keys() {
    let endpoint = endpoint();
    let key = |with: &str| {
        let mut incoming = endpoint.begin(&signed(with)).unwrap();
        incoming.push(Bytes::from_static(b"{}")).unwrap();
        incoming.finish().unwrap().key()
    };
    let before = key("old");
    endpoint.replace_secrets([secret("new")]).unwrap();
    assert_eq!(key("new"), before);
}

#[test]
fn a_bad_set_changes_nothing() {
    let endpoint = endpoint();
    assert!(matches!(endpoint.replace_secrets([]), Err(ConfigError::NoSecret { .. })));
    endpoint.replace_secrets([secret("new")]).unwrap();
    assert!(endpoint.replace_secrets([]).is_err());
    assert!(endpoint.verify(&signed("new"), b"{}").is_ok());

    let svix = catalogue::provider("standard-webhooks").unwrap();
    let good = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let endpoint = Endpoint::builder("svix", svix.clone()).secret(good.clone()).build().unwrap();
    let bad = endpoint.replace_secrets([good.clone(), secret("not base64!")]).unwrap_err();
    assert!(matches!(bad, ConfigError::UnusableSecret { position: 2, .. }), "{bad}");
    let signed = Signer::new(&svix, &good).sign("{}");
    assert!(endpoint.verify(&signed, b"{}").is_ok());
}

#[test]
fn a_verify_token_is_no_secret() {
    let meta = catalogue::provider("meta").unwrap();
    let endpoint = Endpoint::builder("meta", meta).secret(secret("app secret"));
    let endpoint = endpoint.verify_token(secret("typed in")).build().unwrap();
    let error = endpoint.replace_secrets([secret("new"), secret("typed in")]).unwrap_err();
    assert!(matches!(error, ConfigError::VerifyTokenIsSecret { position: 2, .. }), "{error}");
}

#[test]
fn tokens_are_replaced_as_well() {
    let provider =
        Provider::builder("acme").shared_token(Token::header("x-token")).build().unwrap();
    let endpoint = Endpoint::builder("acme", provider).secret(secret("old")).build().unwrap();
    endpoint.replace_secrets([secret("new")]).unwrap();
    assert!(endpoint.begin(&[("x-token", "new")]).is_ok());
    let old = endpoint.begin(&[("x-token", "old")]).unwrap_err();
    assert_eq!(old.kind(), RejectionKind::TokenMismatch);
}
