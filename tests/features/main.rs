//! What depends on the features of crates: the readings of JSON with every feature of serde_json turned on,
//! and the catalogue without the features that bring hashes and curves.

#[path = "../core/one_reading.rs"]
mod one_reading;
#[path = "../core/support.rs"]
#[expect(dead_code, reason = "the file is shared with the suite of the core, which uses all of it")]
mod support;

/// What is tested here is there: a number that serde_json alone would read as `1.5`.
#[test]
fn the_features_are_on() {
    let number: serde_json::Value = serde_json::from_str("1.50").unwrap();
    assert_eq!(number.to_string(), "1.50");
}

/// This crate has none of the features that bring hashes and curves.
#[test]
fn a_provider_that_needs_a_feature_says_which() {
    for (id, feature) in [("twilio", "sha1"), ("discord", "ed25519"), ("sendgrid", "p256")] {
        let error = countersign::catalogue::provider(id).unwrap_err();
        assert_eq!(error, countersign::ConfigError::FeatureMissing { provider: id, feature });
        assert!(error.to_string().contains(&format!("feature `{feature}`")), "{error}");
    }
    assert!(countersign::catalogue::provider("github").is_ok());
}
