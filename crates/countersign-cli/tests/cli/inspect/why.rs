//! Why a delivery was refused, and what becomes of that once the secret is right.

use countersign::catalogue;
use serde_json::json;

use super::inspected;
use crate::program::SECRET;
use crate::sender::{Delivery, connect, read_answer};
use crate::verify::Folder;

pub(crate) const BODY: &str = "{\"zen\":\"Keep it logically awesome.\",\"hook_id\":1}";

pub(crate) fn github(body: &str) -> Delivery {
    Delivery::signed("github", &catalogue::provider("github").unwrap(), SECRET, body)
}

#[test]
fn the_reason_is_found_and_gone_once_the_secret_is_mended_and_read_again() {
    let folder = Folder::new("why");
    let path = folder.file("secret", format!("\"{SECRET}\"\n"));
    let (program, inspector) = inspected(&["--provider", &format!("github=file:{path}")]);
    assert_eq!(github(BODY).send(&program).status, 401);
    let why = || inspector.get("/api/deliveries/1/why").json();
    let found = why();
    assert_eq!(found["genuine"], false);
    assert_eq!(found["causes"][0]["cause"], "secret_quoted", "{found}");
    for field in ["says", "remedy"] {
        assert!(found["causes"][0][field].as_str().unwrap().ends_with('.'), "{found}");
    }
    assert!(!found.to_string().contains(SECRET));
    assert_eq!(why(), found);

    // What cannot be read changes nothing.
    std::fs::remove_file(&path).unwrap();
    let answer = inspector.post("/api/reload", &json!({}));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.json()["error"].as_str().unwrap().contains("--provider github"));
    assert_eq!(why(), found);

    folder.file("secret", SECRET);
    let answer = inspector.post("/api/reload", &json!({}));
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({ "endpoints": ["github"], "from_environment": [] }))
    );
    assert_eq!(why(), json!({ "genuine": true, "causes": [], "difference": null }));
    // From now on the receiver has it, too.
    assert_eq!(github(BODY).send(&program).status, 200);
    let answer = inspector.replay(1, &json!({ "to": "receiver" })).json();
    assert_eq!(answer["outcome"], "duplicate", "{answer}");
}

#[test]
fn secrets_are_read_again_all_or_none() {
    let folder = Folder::new("all-or-none");
    let (one, two) = (folder.file("one", SECRET), folder.file("two", SECRET));
    let (program, inspector) = inspected(&[
        "--provider",
        &format!("github=file:{one}"),
        "--provider",
        &format!("gitlab=file:{two}"),
        "--provider",
        "piora=env:SECRET",
    ]);
    folder.file("one", "another secret");
    std::fs::remove_file(&two).unwrap();
    let answer = inspector.post("/api/reload", &json!({}));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("The secrets stay as they are"), "{}", answer.text());
    assert_eq!(github(BODY).send(&program).status, 200);
    folder.file("two", SECRET);
    let answer = inspector.post("/api/reload", &json!({}));
    assert_eq!(answer.json()["from_environment"], json!(["env:SECRET"]));
    assert_eq!(github("{\"other\":1}").send(&program).status, 401);
}

#[test]
fn the_bytes_that_differ_are_shown() {
    let (program, inspector) = inspected(&["--provider", "github=env:OLDER,env:SECRET"]);
    let delivery = Delivery { body: format!("{BODY}\n"), ..github(BODY) };
    assert_eq!(delivery.send(&program).status, 401);
    let why = inspector.get("/api/deliveries/1/why").json();
    // Both secrets are configured, so neither is another endpoint's.
    assert_eq!(why["causes"].as_array().unwrap().len(), 1, "{why}");
    assert_eq!(why["causes"][0]["cause"], "body_trailing_newline", "{why}");
    assert_eq!(why["difference"]["at"], BODY.len());
    assert!(why["difference"]["received"].as_str().unwrap().ends_with("\\n"), "{why}");
    let mark = why["difference"]["mark"].as_u64().unwrap();
    assert_eq!(mark, why["difference"]["signed"].as_str().unwrap().len() as u64, "{why}");

    assert_eq!(github(BODY).send(&program).status, 200);
    let why = inspector.get("/api/deliveries/2/why").json();
    assert_eq!(why, json!({ "genuine": true, "causes": [], "difference": null }));
}

#[test]
fn what_is_not_refused_for_its_proof_is_not_explained_by_it() {
    let (program, inspector) = inspected(&["--provider", "github=env:SECRET"]);
    let head = "PUT /webhooks/github HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(read_answer(connect(program.addr, head)).status, 405);
    let answer = inspector.get("/api/deliveries/1/why");
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("not refused for its proof"), "{}", answer.text());
}
