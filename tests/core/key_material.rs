//! Secrets that no delivery could match are refused when the endpoint is built: a 401 to every
//! genuine delivery would have the sender give up.

use countersign::{ConfigError, Endpoint, Provider, Signature, Token};

use crate::support::{SECRET, secret};

#[test]
fn a_secret_must_be_of_the_form_that_the_providers_keys_have() {
    let signature = Signature::header("X-Signature").base64_secret("whsec_");
    let provider = Provider::builder("acme").hmac_sha256(signature).build().unwrap();
    for bad in [SECRET, "whsec_", "whsec_not base64", "whsec_Zg=", "whsec_Zh==", "Zm-v", "="] {
        let endpoint = Endpoint::builder("orders", provider.clone());
        let result = endpoint.secrets([secret("whsec_Zm9v"), secret(bad)]).build();
        let expected = ConfigError::UnusableSecret {
            endpoint: "orders".to_owned(),
            position: 2,
            expected: "base64",
        };
        let message = result.as_ref().unwrap_err().to_string();
        assert!(bad.len() < 7 || !message.contains(bad.trim_start_matches("whsec_")), "{message}");
        assert_eq!(result.unwrap_err(), expected);
        assert!(message.contains("orders") && message.contains("secret 2"), "{message}");
    }
    for good in ["whsec_Zg==", "whsec_Zg", "Zm9v"] {
        let endpoint = Endpoint::builder("orders", provider.clone()).secret(secret(good));
        assert!(endpoint.build().is_ok(), "{good}");
    }
}

#[test]
fn a_token_must_be_one_that_a_header_can_carry() {
    // One that cannot would make every genuine delivery a 401.
    let tokens = [
        (
            Token::header("X-Token"),
            ["s3cret", "two words", "s\u{e9}cret"].as_slice(),
            [" s3cret", "s3cret\n", "s3cret\t", "s3\ncret", "s3\0cret"].as_slice(),
            "header values",
        ),
        (
            Token::bearer(),
            &["s3cret", "a.b-c_d~e+f/g="],
            &["two words", "s3cret ", "s3cret\n", "s\u{e9}cret", "\u{7f}"],
            "bearer tokens",
        ),
        (Token::basic(), &["user:password", "user:", "u:p:q"], &["pass-word"], "user:password"),
    ];
    for (token, good, bad, said) in tokens {
        let provider = Provider::builder("acme").shared_token(token).build().unwrap();
        let build =
            |text: &str| Endpoint::builder("orders", provider.clone()).secret(secret(text)).build();
        for good in good {
            assert!(build(good).is_ok(), "{good:?}");
        }
        for bad in bad {
            let error = build(bad).unwrap_err();
            assert!(matches!(error, ConfigError::UnusableSecret { position: 1, .. }), "{bad:?}");
            let message = error.to_string();
            assert!(message.contains("orders") && message.contains(said), "{message}");
            assert!(bad.len() < 2 || !message.contains(bad), "{message}");
        }
    }
}
