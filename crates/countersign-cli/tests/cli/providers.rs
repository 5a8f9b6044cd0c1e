//! `countersign providers`, and what the catalogue's providers need to be listened to.

use std::process::Command;

use serde_json::Value;

fn providers(arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_countersign");
    let ran = Command::new(program).arg("providers").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn the_catalogue_is_listed_as_json() {
    let rows: Vec<Value> = serde_json::from_str(&providers(&["--json"])).unwrap();
    assert!(rows.len() >= 150, "{}", rows.len());
    let fields =
        ["id", "name", "proof", "body", "freshness", "key", "retries", "source", "confidence"];
    for row in &rows {
        for field in fields {
            assert!(row[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {row}");
        }
    }
    let github = rows.iter().find(|row| row["id"] == "github").unwrap();
    assert_eq!(github["proof"], "hmac_sha256 in x-hub-signature-256");
    assert_eq!(github["key"], "signed content and claimed type");
    assert_eq!(github["body"], "JSON, or JSON in the form field payload");
    assert_eq!(github["confidence"], "ran");
    // All the kinds of proofs are there.
    for proof in ["hmac_sha1 ", "hmac_sha512 ", "ed25519 ", "ecdsa_p256 ", "shared_token "] {
        let has = |row: &Value| row["proof"].as_str().unwrap().starts_with(proof);
        assert!(rows.iter().any(has), "{proof}");
    }
}

#[test]
fn the_catalogue_is_listed_for_people() {
    let text = providers(&[]);
    assert!(
        text.contains("GitHub") && text.contains("fresh by: time in a header, 300 s"),
        "{text}"
    );
}
