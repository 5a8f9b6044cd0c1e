//! Deliveries to take away: copies that really work.

use std::process::{Command, Stdio};

use serde_json::json;

use super::why::{BODY, github};
use super::{Inspector, inspected};
use crate::program::{SECRET, command};
use crate::sender::{Delivery, connect, read_answer};
use crate::verify::Folder;

/// Runs a copied command as a person would, and waits for it.
fn run(copied: &str) -> String {
    let mut shell = Command::new("sh");
    let ran = shell.args(["-c", copied]).env("SECRET", SECRET).output().unwrap();
    assert!(ran.status.success(), "{copied}\n{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

fn copy(inspector: Inspector, number: u64, form: &str) -> Vec<u8> {
    let answer = inspector.get(&format!("/api/deliveries/{number}/copy?as={form}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}

fn text(inspector: Inspector, number: u64, form: &str) -> String {
    String::from_utf8(copy(inspector, number, form)).unwrap()
}

#[test]
fn a_copied_command_obeys_no_sender() {
    let folder = Folder::new("obeys");
    let (program, inspector) = inspected(&["--provider", "github=env:SECRET"]);
    let target = "/webhooks/github?n=[1-5]&m={a,b}";
    let head =
        format!("X|touch$IFS'TAKEN'|cat {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert_eq!(read_answer(connect(program.addr, &head)).status, 405);
    let copied = text(inspector, 1, "curl");
    let mut shell = Command::new("sh");
    shell.args(["-c", &copied]).current_dir(&folder.0);
    assert!(shell.output().unwrap().status.success(), "{copied}");
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0, "{copied}");
    // Once, and not once for each of the brackets.
    assert_eq!(inspector.rows().len(), 2, "{copied}");
    assert_eq!(inspector.row(2)["path"], target, "{copied}");
}

#[test]
fn a_copied_command_sends_the_same_bytes() {
    let providers = ["--provider", "github=env:SECRET", "--provider", "gitlab=env:SECRET"];
    let more =
        ["--provider", "pingara-basic=env:SECRET", "--provider", "pingara-bearer=env:SECRET"];
    let (program, inspector) = inspected(&[providers, more].concat());
    let send = |delivery: Delivery| {
        let status = delivery.send(&program).status;
        (inspector.rows()[0]["number"].as_u64().unwrap(), status)
    };
    let odd =
        ["{\"a\":\"it's\\n\\\\ $HOME `id` \\\"\"}", "@/etc/passwd", "a\r\nb\0c", "", "{\"ü\":1}\n"];
    for body in odd {
        let (number, _) = send(github(body).header("X-Odd", "it's \"$(id)\" `id`"));
        let copied = text(inspector, number, "curl");
        run(&copied);
        let (sent, again) = (inspector.detail(number), inspector.detail(number + 1));
        assert_eq!(sent["body"], again["body"], "{copied}");
        let is_refused = |detail: &serde_json::Value| detail["outcome"] == "rejected";
        assert_eq!(is_refused(&sent), is_refused(&again), "{copied}");
        let header = |detail: &serde_json::Value, name: &str| {
            let headers = detail["headers"].as_array().unwrap();
            headers.iter().find(|header| header[0] == name).cloned()
        };
        for name in ["x-odd", "x-hub-signature-256", "content-type"] {
            assert_eq!(header(&sent, name), header(&again, name), "{copied}");
        }
    }
    // A token is put in by the shell, in the form that the provider has for it.
    let now = crate::sender::now();
    let monitor = format!(r#"{{"event":"one","timestamp":"{now}","monitor":{{"id":"m_1"}}}}"#);
    let tokens = [
        ("gitlab", countersign::catalogue::provider("gitlab").unwrap(), BODY.to_owned()),
        ("pingara-basic", countersign::providers::pingara::basic(), monitor.clone()),
        ("pingara-bearer", countersign::providers::pingara::bearer(), monitor),
    ];
    for (name, provider, body) in tokens {
        let delivery = Delivery::signed(name, &provider, SECRET, &body);
        let (number, status) = send(delivery.header("X-Gitlab-Event", "Push Hook"));
        assert_eq!(status, 200, "{name}");
        let copied = text(inspector, number, "curl");
        assert!(!copied.contains(SECRET) && copied.contains("$SECRET"), "{copied}");
        let said = run(&copied);
        assert!(said.contains("duplicate"), "{name}: {said}\n{copied}");
    }
}

#[test]
fn a_copied_capture_is_judged_as_of_when_it_was_received() {
    let (program, inspector) =
        inspected(&["--provider", "github=env:SECRET", "--provider", "slack=env:SECRET"]);
    let slack = countersign::catalogue::provider("slack").unwrap();
    let body = r#"{"type":"event_callback","event_id":"Ev1"}"#;
    assert_eq!(Delivery::signed("slack", &slack, SECRET, body).send(&program).status, 200);
    let wrong = Delivery { body: format!("{BODY}\n"), ..github(BODY) };
    assert_eq!(wrong.send(&program).status, 401);

    let verify = |provider: &str, capture: &[u8]| {
        let args = ["verify", provider, "--secret", "env:SECRET", "--json", "--request", "-"];
        let mut command = command(&args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), capture).unwrap();
        let output = child.wait_with_output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), said["causes"][0]["cause"].clone())
    };
    let capture = copy(inspector, 1, "verify");
    assert_eq!(verify("slack", &capture), (Some(0), json!(null)));
    // An hour later it would have been too old.
    let capture = String::from_utf8(capture).unwrap();
    let (before, after) = capture.split_once("x-countersign-received-at: ").unwrap();
    let (at, rest) = after.split_once("\r\n").unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let later = humantime::parse_rfc3339(at).unwrap() + hour;
    let later = humantime::format_rfc3339_millis(later);
    let capture = format!("{before}x-countersign-received-at: {later}\r\n{rest}");
    assert_eq!(verify("slack", capture.as_bytes()), (Some(1), json!("time_stale")));

    let capture = copy(inspector, 2, "verify");
    assert_eq!(verify("github", &capture), (Some(1), json!("body_trailing_newline")));
    // The command can be verified as well.
    let command = copy(inspector, 2, "curl");
    assert_eq!(verify("github", &command), (Some(1), json!("body_trailing_newline")));
}

/// The examples compile this file and run it.
const COPIED: &str = include_str!("../../../../../examples/tests/testing/copied.rs");

#[test]
fn a_copied_test_is_the_one_that_the_examples_run() {
    let (program, inspector) = inspected(&["--provider", "github=env:SECRET"]);
    let delivery = Delivery { headers: Vec::new(), ..github(BODY) }
        .header("X-GitHub-Event", "ping")
        .header("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
        .header("X-Hub-Signature-256", "sha256=00")
        .header("Content-Type", "application/json")
        .header("User-Agent", "GitHub-Hookshot/044aadd")
        .header("Authorization", "Bearer nobody's business");
    assert_eq!(delivery.send(&program).status, 401);
    let copied = text(inspector, 1, "rust");
    let expected = COPIED.split_once("// What was copied:\n").unwrap().1;
    assert_eq!(copied, expected);
}
