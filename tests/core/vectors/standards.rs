//! What the standards bodies and Wycheproof have published for the algorithms alone.
//!
//! MACs go through rows that sign the body and nothing else. No row has a public-key signature over
//! the body alone: those providers are made with the public builder.

use countersign::{Endpoint, Provider, RejectionKind, Secret, Signature, catalogue};
use serde_json::Value;

use super::{read, text};
use crate::support::{deliver, from_hex};

/// The verdict of an endpoint of this row on a body and its tag; the key is given as the row wants it.
fn mac_is(row: &str, key: impl Into<Secret>, message: &[u8], tag: &str) -> Option<RejectionKind> {
    let header = match row {
        "chargify" => "X-Chargify-Webhook-Signature-Hmac-Sha-256",
        "webex" => "X-Spark-Signature",
        "onfleet" => "X-Onfleet-Signature",
        other => panic!("{other}"),
    };
    let provider = catalogue::by_id(row).unwrap().provider();
    verdict(provider, key.into(), header, message, tag)
}

fn verdict(
    provider: Provider,
    key: Secret,
    header: &str,
    message: &[u8],
    tag: &str,
) -> Option<RejectionKind> {
    let endpoint = Endpoint::builder("standards", provider).secret(key).build().unwrap();
    deliver(&endpoint, &[(header, tag)], message).err().map(|rejection| rejection.kind())
}

/// RFC 4231 §4, by way of RustCrypto/MACs. The fifth is truncated, which no webhook is.
#[test]
fn rfc_4231_is_met() {
    let vectors = read("rfc4231-hmac-sha256.json");
    let vectors = vectors["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let key = Secret::new(from_hex(&text(vector, "key_hex"))).unwrap();
        let message = from_hex(&text(vector, "message_hex"));
        let truncated = vector.get("truncated_bits").is_some();
        assert_eq!(truncated, vector["id"] == "rfc4231-5");
        let refused = mac_is("chargify", key, &message, &text(vector, "mac_hex"));
        assert_eq!(refused, truncated.then_some(RejectionKind::SignatureMalformed), "{vector}");
    }
}

/// C2SP/wycheproof, `testvectors_v1/hmac_*_test.json`. Tags that are cut short are malformed.
#[test]
fn wycheproof_is_met_by_the_macs() {
    // Whole and right, whole and wrong, cut short.
    let macs = [
        ("hmac_sha1", "webex", 160, [33, 54, 83]),
        ("hmac_sha256", "chargify", 256, [33, 54, 87]),
        // This row's secrets are hex.
        ("hmac_sha512", "onfleet", 512, [33, 54, 87]),
    ];
    for (file, row, bits, expected) in macs {
        let mut counts = [0; 3];
        for (group, test) in tests(file) {
            let key = text(&test, "key");
            let key = if row == "onfleet" { key.into_bytes() } else { from_hex(&key) };
            let key = Secret::new(key).unwrap();
            let refused = mac_is(row, key, &from_hex(&text(&test, "msg")), &text(&test, "tag"));
            let (place, kind) = match (group["tagSize"] == bits, test["result"] == "valid") {
                (true, true) => (0, None),
                (true, false) => (1, Some(RejectionKind::SignatureMismatch)),
                (false, _) => (2, Some(RejectionKind::SignatureMalformed)),
            };
            counts[place] += 1;
            assert_eq!(refused, kind, "{file}: {test}");
        }
        assert_eq!(counts, expected, "{file}");
    }
}

/// C2SP/wycheproof, `testvectors_v1/ed25519_test.json`.
#[test]
fn wycheproof_is_met_by_ed25519() {
    let provider = || Provider::builder("ed25519").ed25519(Signature::header("X-Signature"));
    let mut counts = [0; 2];
    for (group, test) in tests("ed25519") {
        let key = Secret::new(text(&group["publicKey"], "pk")).unwrap();
        let refused = judge(provider().build().unwrap(), key, &test);
        counts[usize::from(refused.is_some())] += 1;
        assert_eq!(refused.is_none(), test["result"] == "valid", "{test}");
    }
    assert_eq!(counts, [88, 63]);
}

/// C2SP/wycheproof, `testvectors_v1/ecdsa_secp256r1_sha256_test.json`.
#[test]
fn wycheproof_is_met_by_ecdsa() {
    let provider = || Provider::builder("p256").ecdsa_p256(Signature::header("X-Signature"));
    let mut counts = [0; 2];
    for (group, test) in tests("ecdsa_secp256r1_sha256") {
        let key = Secret::new(text(&group, "publicKeyPem")).unwrap();
        let refused = judge(provider().build().unwrap(), key, &test);
        counts[usize::from(refused.is_some())] += 1;
        assert_eq!(refused.is_none(), test["result"] == "valid", "{test}");
    }
    assert_eq!(counts, [174, 310]);
}

fn judge(provider: Provider, key: Secret, test: &Value) -> Option<RejectionKind> {
    let message = from_hex(&text(test, "msg"));
    verdict(provider, key, "X-Signature", &message, &text(test, "sig"))
}

/// Every test with its group; the file says how many there are.
fn tests(file: &str) -> Vec<(Value, Value)> {
    let whole = read(&format!("wycheproof/{file}_test.json"));
    let groups = whole["testGroups"].as_array().unwrap().iter();
    let tests: Vec<_> = groups
        .flat_map(|group| {
            let tests = group["tests"].as_array().unwrap().iter();
            tests.map(|test| (group.clone(), test.clone()))
        })
        .collect();
    assert_eq!(tests.len() as u64, whole["numberOfTests"].as_u64().unwrap(), "{file}");
    tests
}
