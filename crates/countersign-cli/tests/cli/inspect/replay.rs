//! Deliveries once more, with a fresh signature.

use countersign::Secret;
use countersign::testing::Signer;
use serde_json::json;

use super::inspected;
use crate::program::{Program, SECRET, command};
use crate::sender::{Delivery, hostwares, piora};
use crate::target::Target;
use crate::verify::Folder;

fn forged(delivery: Delivery) -> Delivery {
    Delivery { headers: Vec::new(), ..delivery }
}

#[test]
fn a_refused_delivery_is_accepted_once_it_is_signed_and_then_a_duplicate() {
    let target = Target::new(|_| "202 Accepted");
    let (program, inspector) =
        inspected(&["--provider", "piora=env:SECRET", "--forward-to", &target.url]);
    let delivery = forged(piora("refused")).header("X-Request-Id", "r-1");
    assert_eq!(delivery.send(&program).status, 401);
    let replayed = inspector.replay(1, &json!({ "to": "receiver" }));
    assert_eq!(replayed.status, 200, "{}", replayed.text());
    let replayed = replayed.json();
    assert_eq!(
        (&replayed["number"], &replayed["status"], &replayed["outcome"]),
        (&json!(2), &json!(202), &json!("accepted"))
    );
    let got = target.next();
    assert_eq!(got.body, delivery.body.as_bytes());
    assert_eq!(got.header("countersign-replay"), Some("1"));
    assert_eq!(program.line()["outcome"], "rejected");
    assert_eq!(program.line()["outcome"], "accepted");
    let row = inspector.row(2);
    assert_eq!((&row["replay_of"], &row["attempt"]), (&json!(1), &json!(null)), "{row}");

    // Once more is no event any more, and the answer says so.
    let again = inspector.replay(2, &json!({ "to": "receiver" })).json();
    assert_eq!((&again["number"], &again["outcome"]), (&json!(3), &json!("duplicate")));
    assert!(again["says"].as_str().unwrap().contains("handled already"), "{again}");
    target.nothing_more();

    // Past the deduplication.
    let past = inspector.replay(2, &json!({ "to": "target" })).json();
    assert_eq!((&past["number"], &past["status"]), (&json!(4), &json!(202)), "{past}");
    assert_eq!(past["outcome"], "accepted");
    let got = target.next();
    assert_eq!(got.header("countersign-replay"), Some("2"));
    assert_eq!(got.header("countersign-event"), Some("server.alert"));
    let detail = inspector.detail(4);
    assert_eq!(detail["forward"]["status"], 202, "{detail}");
    assert_eq!(detail["body"]["text"], delivery.body.as_str());
    let numbers: Vec<_> =
        detail["attempts"].as_array().unwrap().iter().map(|one| one["number"].clone()).collect();
    assert_eq!(numbers, [2, 3, 4]);
}

#[test]
fn an_edited_body_is_proven_with_what_is_in_it() {
    let target = Target::new(|_| "200 OK");
    let (program, inspector) =
        inspected(&["--provider", "hostwares=env:SECRET", "--forward-to", &target.url]);
    let delivery = hostwares("evt_1", "deployment.completed").header("X-Kept", "kept");
    assert_eq!(delivery.send(&program).status, 200);
    assert_eq!(target.next().header("countersign-id"), Some("evt_1"));
    let body = delivery.body.replace("evt_1", "evt_2").replace("completed", "failed");
    for (to, number) in [("receiver", 2), ("target", 3)] {
        let how = json!({ "to": to, "body": body, "headers": [["content-type", "text/odd"]] });
        let answer = inspector.replay(1, &how).json();
        assert_eq!(answer["outcome"], "accepted", "{answer}");
        let got = target.next();
        assert_eq!(got.body, body.as_bytes());
        assert_eq!(got.header("countersign-id"), Some("evt_2"));
        assert_eq!(got.header("countersign-event"), Some("deployment.failed"));
        assert_eq!(got.header("content-type"), Some("text/odd"));
        let detail = inspector.detail(number);
        assert_eq!(detail["id"], "evt_2");
        let headers = detail["headers"].as_array().unwrap();
        assert!(headers.contains(&json!(["x-kept", "kept"])), "{headers:?}");
    }
    // What the provider would not send is refused as always, and never gets to the program.
    let answer = inspector.replay(1, &json!({ "to": "receiver", "body": "no JSON" })).json();
    assert_eq!((&answer["outcome"], &answer["status"]), (&json!("rejected"), &json!(400)));
    let answer = inspector.replay(1, &json!({ "to": "target", "body": "no JSON" }));
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("malformed"), "{}", answer.text());
    target.nothing_more();
    // The one that was received is as it was.
    assert_eq!(inspector.detail(1)["body"]["text"], delivery.body.as_str());
}

#[test]
fn a_stale_delivery_becomes_a_fresh_one() {
    let (program, inspector) = inspected(&["--provider", "stripe=env:SECRET"]);
    let stripe = countersign::catalogue::provider("stripe").unwrap();
    let body = r#"{"id":"evt_9","type":"invoice.paid"}"#;
    let secret = Secret::new(SECRET).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(7200);
    let headers = Signer::new(&stripe, &secret).at(old).sign(body);
    let path = "/webhooks/stripe".to_owned();
    let delivery = Delivery { path, headers, body: body.to_owned() };
    assert_eq!(delivery.send(&program).status, 401);
    let why = inspector.get("/api/deliveries/1/why").json();
    assert_eq!(why["causes"][0]["cause"], "time_stale", "{why}");
    let answer = inspector.replay(1, &json!({ "to": "receiver" })).json();
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    assert_eq!(inspector.detail(2)["body"]["text"], body);
}

#[test]
fn where_nothing_can_be_sent_the_sentence_says_what_to_do() {
    let (program, inspector) = inspected(&["--provider", "piora=env:SECRET"]);
    assert_eq!(piora("printed").send(&program).status, 200);
    let answer = inspector.replay(1, &json!({ "to": "target" }));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("--forward-to"), "{}", answer.text());
    let elsewhere = Delivery { path: "/elsewhere".to_owned(), ..piora("elsewhere") };
    assert_eq!(elsewhere.send(&program).status, 404);
    let answer = inspector.replay(2, &json!({ "to": "receiver" }));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("No endpoint has this path"), "{}", answer.text());
    assert_eq!(inspector.detail(2)["can_sign"], false);
    // Half a body.
    let half = forged(piora("half"));
    drop(half.open_head(program.addr, 500));
    inspector.wait_until("the half one", |rows| rows.len() == 3);
    let answer = inspector.replay(3, &json!({ "to": "receiver" }));
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("did not arrive completely"), "{}", answer.text());
    assert_eq!(inspector.get("/api/deliveries/3/why").status, 409);
}

/// A time in the body is part of what happened, and is only moved where it must be.
#[test]
fn a_time_in_the_body_stays_as_long_as_it_is_fresh() {
    let (program, inspector) = inspected(&["--provider", "hostwares=env:SECRET"]);
    let fresh = forged(hostwares("evt_fresh", "e"));
    let old = r#"{"id":"evt_old","event":"e","timestamp":"2024-02-29T12:00:00Z"}"#;
    let provider = countersign::providers::hostwares::provider();
    let old = Delivery::signed("hostwares", &provider, SECRET, old);
    assert_eq!([fresh.send(&program).status, old.send(&program).status], [401, 401]);
    assert_eq!(inspector.row(2)["reason"], "timestamp_stale");
    for (number, of) in [(3, &fresh), (4, &old)] {
        let answer = inspector.replay(number - 2, &json!({ "to": "receiver" })).json();
        assert_eq!(answer["outcome"], "accepted", "{answer}");
        let detail = inspector.detail(number);
        assert_eq!(detail["body"]["text"] == of.body.as_str(), number == 3, "{detail}");
    }
}

/// RFC 8032 §7.1, test 1.
const PRIVATE: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

#[test]
fn a_private_key_signs_where_there_is_one() {
    let folder = Folder::new("signing-key");
    let key = format!("discord-events=file:{}", folder.file("key", PRIVATE));
    let listen = |args: &[&str]| {
        let common = ["listen", "--addr=127.0.0.1:0", "--inspect=127.0.0.1:0"];
        let provider = ["--provider", "discord-events=env:PUBLIC"];
        let mut command = command(&[&common[..], &provider, args].concat());
        command.env("PUBLIC", PUBLIC);
        let program = Program::spawn(command);
        let inspector = super::Inspector::of(&program);
        (program, inspector)
    };
    let body = r#"{"version":1,"application_id":"1","type":1,"event":{"type":"ENTITLEMENT_CREATE","timestamp":"2026-10-18T14:42:53.064834","data":{}}}"#;
    let delivery = Delivery {
        path: "/webhooks/discord-events".to_owned(),
        headers: Vec::new(),
        body: body.to_owned(),
    };
    let (program, inspector) = listen(&[]);
    assert_eq!(delivery.send(&program).status, 401);
    let detail = inspector.detail(1);
    assert_eq!(detail["can_sign"], false);
    let says = detail["cannot_sign_because"].as_str().unwrap();
    assert!(
        says.contains("private key") && says.contains("--signing-key discord-events="),
        "{says}"
    );
    let answer = inspector.replay(1, &json!({ "to": "receiver" }));
    assert_eq!((answer.status, &answer.json()["error"]), (409, &detail["cannot_sign_because"]));

    let (program, inspector) = listen(&["--signing-key", &key]);
    assert_eq!(delivery.send(&program).status, 401);
    assert_eq!(inspector.detail(1)["can_sign"], true);
    let answer = inspector.replay(1, &json!({ "to": "receiver" })).json();
    assert_eq!(answer["outcome"], "accepted", "{answer}");
    assert!(!inspector.detail(2).to_string().contains(PRIVATE));
}
