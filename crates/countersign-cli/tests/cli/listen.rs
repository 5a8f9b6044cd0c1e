//! What is accepted, what is rejected, and what is said of it.

use std::io::Read;
use std::time::Duration;

use countersign::Provider;
use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use serde_json::json;

use crate::program::{OLDER, Program, SECRET, command};
use crate::sender::{Delivery, connect, hang_up, hostwares, now, piora, read_answer};

/// Every NAME with its provider and an event of it.
fn everyone() -> [(&'static str, Provider, String); 7] {
    let now = now();
    let event = format!(r#"{{"event":"one","timestamp":"{now}","id":"evt_1"}}"#);
    let of_monitor = format!(r#"{{"event":"one","timestamp":"{now}","monitor":{{"id":"m_1"}}}}"#);
    [
        ("piora", piora::provider(), event.clone()),
        ("hostwares", hostwares::provider(), event.clone()),
        ("percher", percher::provider(), r#"{"event":"one"}"#.to_owned()),
        ("pingara", pingara::provider(), of_monitor.clone()),
        ("pingara-bearer", pingara::bearer(), of_monitor.clone()),
        ("pingara-basic", pingara::basic(), of_monitor),
        ("pakyas", pakyas::provider(), event),
    ]
}

#[test]
fn every_provider_is_let_in_once_and_forgers_never() {
    let everyone = everyone();
    let mut args = Vec::new();
    for (name, _, _) in &everyone {
        args.extend(["--provider".to_owned(), format!("{name}=env:SECRET")]);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let mut command = command(&[&["listen", "--addr", "127.0.0.1:0"], &*args].concat());
    command.env("RUST_LOG", "trace");
    let mut program = Program::spawn(command);
    let mut stdout = String::new();

    for (name, provider, body) in &everyone {
        let genuine = Delivery::signed(name, provider, SECRET, body);
        let forged = Delivery::signed(name, provider, "a-stranger's:secret", body);

        assert_eq!(forged.send(&program).status, 401, "{name}");
        let line = program.line();
        assert_eq!(line["outcome"], "rejected", "{line}");
        assert_eq!(line["provider"], *name, "{line}");
        assert_eq!(line["status"], 401, "{line}");
        let reason = if name.starts_with("pingara") { "token" } else { "signature" };
        assert_eq!(line["reason"], format!("{reason}_mismatch"), "{line}");
        assert_eq!((&line["event"], &line["key"]), (&json!(null), &json!(null)), "{line}");
        assert_eq!(line.get("payload"), None, "{line}");
        stdout.push_str(&line.to_string());

        assert_eq!(genuine.send(&program).status, 200, "{name}");
        let accepted = program.line();
        assert_eq!(accepted["outcome"], "accepted", "{accepted}");
        assert_eq!(accepted["provider"], *name, "{accepted}");
        assert_eq!(accepted["status"], 200, "{accepted}");
        assert_eq!(accepted["event"], "one", "{accepted}");
        assert_eq!(accepted["key"].as_str().map(str::len), Some(32), "{accepted}");
        assert_eq!(accepted["reason"], json!(null), "{accepted}");
        assert_eq!(accepted["payload"].to_string(), json_of(body), "{accepted}");
        stdout.push_str(&accepted.to_string());

        assert_eq!(genuine.send(&program).status, 200, "{name}");
        let duplicate = program.line();
        assert_eq!(duplicate["outcome"], "duplicate", "{duplicate}");
        assert_eq!(duplicate["key"], accepted["key"], "{duplicate}");
        assert_eq!(duplicate["event"], "one", "{duplicate}");
        assert_eq!(duplicate.get("payload"), None, "{duplicate}");
        stdout.push_str(&duplicate.to_string());
    }
    assert_eq!(program.stop(), Some(0));
    program.no_more_lines();
    let said = stdout + &program.stderr();
    assert!(!said.contains(SECRET) && !said.contains("a-stranger's:secret"), "{said}");
    assert!(!said.contains('\u{1b}'), "colours without a terminal: {said}");
}

fn json_of(body: &str) -> String {
    serde_json::from_str::<serde_json::Value>(body).unwrap().to_string()
}

#[test]
fn an_older_secret_is_still_good_and_named_in_the_log() {
    let path = std::env::temp_dir().join(format!("countersign-cli-{}", std::process::id()));
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let source = format!("hostwares=file:{},env:OLDER", path.display());
    let mut program = Program::listen(&["--provider", &source]);
    std::fs::remove_file(&path).unwrap();

    let body = format!(r#"{{"id":"old","event":"e","timestamp":"{}"}}"#, now());
    let older = Delivery::signed("hostwares", &hostwares::provider(), OLDER, &body);
    assert_eq!(older.send(&program).status, 200);
    assert_eq!(hostwares("current", "e").send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
    let said = program.stderr();
    assert!(said.contains("env:OLDER"), "{said}");
    assert!(said.contains(&format!("file:{}", path.display())), "{said}");
}

/// Lines of JSON are looked at on terminals, too.
#[test]
fn what_a_terminal_obeys_is_escaped_in_a_payload() {
    let program = Program::listen(&["--provider", "percher=env:SECRET"]);
    let body = "{\"event\":\"e\",\"\u{9b}2J\":\"\u{202e}\u{7f}é\"}";
    let delivery = Delivery::signed("percher", &percher::provider(), SECRET, body);
    assert_eq!(delivery.send(&program).status, 200);
    let line = program.raw_line();
    assert!(line.ends_with(r#""payload":{"event":"e","\u009b2J":"\u202e\u007fé"}}"#), "{line}");
}

#[test]
fn payloads_are_printed_as_they_were_sent() {
    let program = Program::listen(&["--provider", "percher=env:SECRET"]);
    let body = "{\n  \"event\": \"e\",\r\n  \"z\": 12345678901234567890.10, \"a\": \"\\n é\"\n}\n";
    let delivery = Delivery::signed("percher", &percher::provider(), SECRET, body);
    assert_eq!(delivery.send(&program).status, 200);
    let line = program.raw_line();
    let payload = "{  \"event\": \"e\",  \"z\": 12345678901234567890.10, \"a\": \"\\n é\"}";
    assert!(line.ends_with(&format!(r#""payload":{payload}}}"#)), "{line}");
}

#[test]
fn other_paths_and_methods_are_not_served_and_have_their_lines() {
    let mut program = Program::listen(&["--provider", "piora=env:SECRET"]);
    for (request, status, reason) in [
        ("GET /webhooks/piora", 405, "method_not_allowed"),
        ("PUT /webhooks/piora", 405, "method_not_allowed"),
        ("HEAD /webhooks/piora", 405, "method_not_allowed"),
        ("POST /webhooks/hostwares", 404, "not_found"),
        ("POST /webhooks/piora/", 404, "not_found"),
        ("GET /", 404, "not_found"),
    ] {
        let head = format!(
            "{request} HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(read_answer(connect(program.addr, &head)).status, status, "{request}");
        let line = program.line();
        assert_eq!(line["status"], status, "{request}");
        assert_eq!(line["reason"], reason, "{request}");
        let path = request.split(' ').nth(1).filter(|_| status == 404);
        assert_eq!(line["path"].as_str(), path, "{request}");
    }
    assert_eq!(program.stop(), Some(0));
    program.no_more_lines();
}

#[test]
fn a_huge_unsigned_length_is_refused_at_once() {
    let program = Program::listen(&["--provider", "piora=env:SECRET"]);
    let unsigned = Delivery { headers: Vec::new(), ..piora("huge") };
    // Not a byte of the body is sent, so whoever waited for it would answer 408.
    let answer = read_answer(unsigned.open_head(program.addr, 1 << 50));
    assert_eq!(answer.status, 401);
    assert_eq!(program.line()["reason"], "signature_missing");
}

#[test]
fn a_body_over_the_limit_is_refused() {
    let program = Program::listen(&["--provider", "piora=env:SECRET", "--max-body", "100"]);
    let large = piora(&"x".repeat(200));
    assert_eq!(large.send(&program).status, 413);
    let line = program.line();
    assert_eq!((&line["outcome"], &line["status"]), (&json!("rejected"), &json!(413)));
    assert_eq!(line["reason"], "body_too_large");
    assert_eq!(piora("y").send(&program).status, 200);
}

#[test]
fn a_body_that_breaks_off_has_its_line() {
    let program = Program::listen(&["--provider", "piora=env:SECRET"]);
    let delivery = piora("cut");
    let mut stream = delivery.open_head(program.addr, delivery.body.len());
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    // The head has been read by now, or will be: nothing is answered before the body is there.
    assert!(stream.read(&mut [0]).is_err());
    hang_up(stream);
    let line = program.line();
    assert_eq!(line["outcome"], "rejected", "{line}");
    assert_eq!(line["reason"], "body_incomplete", "{line}");
    assert_eq!(delivery.send(&program).status, 200);
}

#[test]
fn forms_are_printed_as_what_they_hold() {
    let preset = |id| countersign::catalogue::by_id(id).unwrap().provider();
    let args = ["--provider", "github=env:SECRET", "--provider", "slack=env:SECRET"];
    let program = Program::listen(&args);
    let field = "payload=%7B%22type%22%3A%22block_actions%22%2C%0A%22n%22%3A1.10%7D";
    for (id, body, event, payload) in [
        ("github", field, json!(null), json!({ "type": "block_actions", "n": 1.10 })),
        ("slack", field, json!("block_actions"), json!({ "type": "block_actions", "n": 1.10 })),
        (
            "slack",
            "command=%2Fweather&text=a+b%0A&x=1&x=2",
            json!(null),
            json!({ "command": "/weather", "text": "a b\n", "x": ["1", "2"] }),
        ),
        (
            "slack",
            r#"{"type":"event_callback","event_id":"Ev1"}"#,
            json!("event_callback"),
            json!({ "type": "event_callback", "event_id": "Ev1" }),
        ),
    ] {
        let delivery = Delivery::signed(id, &preset(id), SECRET, body)
            .header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(delivery.send(&program).status, 200, "{body}");
        let line = program.line();
        assert_eq!((&line["event"], &line["payload"]), (&event, &payload), "{line}");
        let event_id = payload.get("event_id").cloned().unwrap_or_default();
        assert_eq!(line["id"], event_id, "{line}");
        assert_eq!(delivery.send(&program).status, 200);
        assert_eq!(program.line()["outcome"], "duplicate");
    }
}

/// Meta asks with a `GET` first.
#[test]
fn meta_shows_its_verify_token() {
    let mut program =
        Program::listen(&["--provider", "meta=env:SECRET", "--verify-token", "meta=env:OLDER"]);
    let ask = |token: &str| {
        let target = format!(
            "/webhooks/meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"
        );
        let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let mut stream = connect(program.addr, &request);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask(OLDER);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("1158201444"), "{answer}");
    let answer = ask("another");
    assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("1158201444"), "{answer}");
    assert_eq!(program.stop(), Some(0));
    let said = program.stderr();
    assert!(!said.contains(OLDER) && !said.contains(SECRET), "{said}");
}
