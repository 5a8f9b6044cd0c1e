//! What is secret is shown nowhere.

use serde_json::json;

use super::inspected;
use crate::program::SECRET;
use crate::sender::{Delivery, connect, read_answer};
use crate::target::Target;
use crate::verify::Folder;

/// What nobody may see.
const HIDDEN: [&str; 7] = [
    SECRET,
    "secret-of-a-proxy",
    "secret-of-a-cookie",
    "secret-in-a-query",
    "secret-of-an-authorization",
    "secret-of-a-wrong-path",
    "secret-of-a-target",
];

#[test]
fn no_secret_is_in_anything_that_the_inspector_gives_or_keeps() {
    let folder = Folder::new("redaction");
    let file = folder.0.join("inspect.db");
    let target = Target::with_headers(
        "set-cookie: a=secret-of-a-target\r\nx-api-key: secret-of-a-target\r\n",
    );
    let forward = format!("{}&token=secret-in-a-query", target.url);
    let (mut program, inspector) = inspected(&[
        "--provider",
        "gitlab=env:SECRET",
        "--forward-to",
        &forward,
        "--inspect-file",
        file.to_str().unwrap(),
    ]);
    let mut feed = inspector.feed(None).connected();
    let gitlab = countersign::catalogue::provider("gitlab").unwrap();
    let mut delivery = Delivery::signed("gitlab", &gitlab, SECRET, r#"{"object_kind":"push"}"#)
        .header("X-Gitlab-Event", "Push Hook")
        .header("Idempotency-Key", "0c1d2e3f")
        .header("Authorization", "Bearer secret-of-an-authorization")
        .header("Proxy-Authorization", "Basic secret-of-a-proxy")
        .header("Cookie", "session=secret-of-a-cookie");
    delivery.path.push_str("?x=1&hub.verify_token=secret-in-a-query");
    assert_eq!(delivery.send(&program).status, 200);
    // With a token that is nearly right, and to a wrong path.
    let wrong = Delivery::signed("gitlab", &gitlab, &format!("{SECRET}2"), "{}");
    assert_eq!(wrong.send(&program).status, 401);
    let elsewhere = "POST /elsewhere?access_token=secret-in-a-query HTTP/1.1\r\nhost: a\r\n\
                     x-gitlab-token: secret-of-a-wrong-path\r\ncontent-length: 0\r\n\
                     connection: close\r\n\r\n";
    assert_eq!(read_answer(connect(program.addr, elsewhere)).status, 404);

    let mut seen = String::new();
    for number in 1..=3 {
        let paths = ["", "/why", "/copy?as=curl", "/copy?as=rust", "/copy?as=verify"];
        for path in paths {
            seen += &inspector.get(&format!("/api/deliveries/{number}{path}")).text();
        }
        for to in ["receiver", "target"] {
            let answer = inspector.replay(number, &json!({ "to": to }));
            seen += &answer.text();
        }
    }
    seen += &inspector.get("/api/info").text();
    seen += &inspector.get("/api/deliveries?q=secret").text();
    let rows = inspector.rows();
    // Three deliveries, and two replays of each of the first two.
    assert_eq!(rows.len(), 7, "{rows:?}");
    let mut told = 0;
    while told < 7 {
        let (_, row) = feed.next();
        told = told.max(row["number"].as_u64().unwrap());
        seen += &row.to_string();
    }
    assert!(seen.contains("x=1&hub.verify_token=redacted"), "{seen}");
    assert!(seen.contains(r#"["x-gitlab-token","[redacted]"]"#), "{seen}");
    assert!(seen.contains(r#"["set-cookie","[redacted]"]"#), "{seen}");
    assert!(seen.contains("x-gitlab-token: $SECRET"), "{seen}");
    assert!(seen.contains("Left out, because they may hold secrets: authorization"), "{seen}");
    assert_eq!(program.stop(), Some(0));
    seen += &program.stderr();
    seen += &String::from_utf8_lossy(&std::fs::read(&file).unwrap());
    assert!(seen.contains("CREATE TABLE deliveries"), "the file is not read");
    for hidden in HIDDEN {
        assert!(!seen.contains(hidden), "{hidden} in {seen}");
    }
    // Replays were genuine all the same: their tokens were put in anew.
    let replays = rows.iter().filter(|row| row["replay_of"] == 2);
    assert!(replays.clone().count() == 2 && replays.into_iter().all(|row| row["status"] == 200));
}
