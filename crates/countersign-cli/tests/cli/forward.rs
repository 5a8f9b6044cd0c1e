//! `--forward-to`: what the user's program gets, and what its answer means.

use std::time::{Duration, Instant};

use countersign::Secret;
use countersign::providers::percher;
use countersign::testing::Signer;
use serde_json::json;

use crate::program::{Program, SECRET, command};
use crate::sender::{Delivery, hang_up, hostwares, piora, read_answer};
use crate::target::Target;

fn forwarding(target: &Target, args: &[&str]) -> Program {
    let common = [
        "--provider",
        "piora=env:OLDER,env:SECRET",
        "--provider",
        "hostwares=env:SECRET",
        "--forward-to",
        &target.url,
    ];
    Program::listen(&[&common, args].concat())
}

#[test]
fn the_program_gets_the_bytes_and_what_is_verified() {
    let target = Target::new(|_| "202 Accepted");
    let mut program = forwarding(&target, &[]);
    let body = hostwares("evt_1", "deployment.completed").body.replace(',', " ,\r\n\t");
    let signed = Delivery::signed(
        "hostwares",
        &countersign::providers::hostwares::provider(),
        SECRET,
        &body,
    );
    let hostile = signed
        .header("Content-Type", "application/json; charset=utf-8")
        .header("countersign-key", "forged")
        .header("Countersign-Secret", "forged")
        .header("Authorization", "Bearer forged")
        .header("X-Forwarded-For", "6.6.6.6")
        .header("Cookie", "forged");
    assert_eq!(hostile.send(&program).status, 202);

    let got = target.next();
    assert_eq!(got.request_line, "POST /hook?from=countersign HTTP/1.1");
    assert_eq!(got.body, body.as_bytes());
    assert_eq!(got.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(got.header("countersign-provider"), Some("hostwares"));
    assert_eq!(got.header("countersign-endpoint"), Some("hostwares"));
    assert_eq!(got.header("countersign-event"), Some("deployment.completed"));
    assert_eq!(got.header("countersign-id"), Some("evt_1"));
    assert_eq!(got.header("countersign-secret"), Some("env:SECRET"));
    let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
    let time = humantime::parse_rfc3339(got.header("countersign-time").unwrap()).unwrap();
    assert_eq!(time, humantime::parse_rfc3339(sent["timestamp"].as_str().unwrap()).unwrap());
    let names: Vec<_> = got.headers.iter().map(|(name, _)| &**name).collect();
    let others = names.iter().filter(|name| !name.starts_with("countersign-"));
    let mut others: Vec<_> = others.copied().collect();
    others.sort_unstable();
    assert_eq!(others, ["content-length", "content-type", "host"]);

    let line = program.line();
    assert_eq!((&line["outcome"], &line["status"]), (&json!("accepted"), &json!(202)), "{line}");
    assert_eq!(line["payload"], sent);
    assert_eq!(got.header("countersign-key"), line["key"].as_str());
    assert_eq!(program.stop(), Some(0));
    program.no_more_lines();
    target.nothing_more();
}

/// A type and an id that GitHub does not sign: for routing, and under names that say so.
#[test]
fn what_is_only_claimed_has_names_that_say_so() {
    let target = Target::new(|_| "200 OK");
    let program = forwarding(&target, &["--provider", "github=env:SECRET"]);
    let github = countersign::catalogue::provider("github").unwrap();
    let delivery = Delivery::signed("github", &github, SECRET, r#"{"zen":"Design for failure."}"#)
        .header("X-GitHub-Event", "ping")
        .header("X-GitHub-Delivery", "72d3162e");
    assert_eq!(delivery.send(&program).status, 200);
    let got = target.next();
    assert_eq!(got.header("countersign-unverified-event"), Some("ping"));
    assert_eq!(got.header("countersign-unverified-id"), Some("72d3162e"));
    assert_eq!((got.header("countersign-event"), got.header("countersign-id")), (None, None));
    let line = program.line();
    assert_eq!(line["unverified"], json!({ "event": "ping", "id": "72d3162e" }));
    assert_eq!((&line["event"], &line["id"]), (&json!(null), &json!(null)));
}

#[test]
fn facts_that_are_not_there_or_fit_no_header_are_left_out() {
    let target = Target::new(|_| "200 OK");
    let program = forwarding(&target, &[]);
    let odd = [r"a\r\ncountersign-key: forged", "ü", r"\u0000", " ", " a", &"x".repeat(3000)];
    for (nth, event) in odd.into_iter().enumerate() {
        assert_eq!(hostwares(&format!("evt {nth}"), event).send(&program).status, 200, "{event}");
        let got = target.next();
        assert_eq!(got.header("countersign-event"), None, "{event}");
        assert_eq!(got.header("countersign-id"), Some(&*format!("evt {nth}")));
        assert_eq!(got.header("countersign-key"), program.line()["key"].as_str());
        assert_eq!(got.header("content-type"), None);
    }
    assert_eq!(piora("no id").send(&program).status, 200);
    let got = target.next();
    assert_eq!(got.header("countersign-id"), None);
    assert_eq!(got.header("countersign-secret"), Some("env:SECRET"));
}

#[test]
fn what_the_program_does_not_handle_comes_again() {
    let answers =
        ["500 Internal Server Error", "404 Not Found", "302 Found", "101 Switching Protocols", ""];
    let target = Target::new(move |nth| answers.get(nth).copied().unwrap_or("204 No Content"));
    let mut program = forwarding(&target, &[]);
    let delivery = piora("retried");
    for (answered, status) in answers.into_iter().zip([500, 404, 302, 502, 502]) {
        let answer = delivery.send(&program);
        assert_eq!(answer.status, status, "{answered}");
        assert!(!answer.head.contains("location"), "{}", answer.head);
        let line = program.line();
        assert_eq!((&line["outcome"], &line["status"]), (&json!("failed"), &json!(status)));
        assert_eq!(line["reason"], "handler_status", "{line}");
        assert_eq!(line.get("payload"), None, "{line}");
        assert_eq!(target.next().body, delivery.body.as_bytes());
    }
    assert_eq!(delivery.send(&program).status, 204);
    assert_eq!(program.line()["outcome"], "accepted");
    target.next();
    assert_eq!(delivery.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "duplicate");
    assert_eq!(program.stop(), Some(0));
    target.nothing_more();
}

#[test]
fn nothing_unverified_is_forwarded() {
    let target = Target::new(|_| "200 OK");
    let mut program = forwarding(&target, &[]);
    let forged = Delivery { body: piora("other").body, ..piora("one") };
    assert_eq!(forged.send(&program).status, 401);
    let stale = Secret::new(SECRET).unwrap();
    let headers = Signer::new(&percher::provider(), &stale).sign("{}");
    assert_eq!(Delivery { headers, ..piora("two") }.send(&program).status, 401);
    assert_eq!(program.stop(), Some(0));
    target.nothing_more();
}

#[test]
fn a_program_that_is_not_there_is_a_502() {
    // Port 1 is nobody's.
    let args = ["--provider", "piora=env:SECRET", "--forward-to", "http://127.0.0.1:1/"];
    let program = Program::listen(&args);
    for _ in 0..2 {
        assert_eq!(piora("nobody there").send(&program).status, 502);
        let line = program.line();
        assert_eq!((&line["outcome"], &line["status"]), (&json!("failed"), &json!(502)));
    }
    program.wait_for_log("Connection refused");
}

#[test]
fn the_claim_is_held_until_the_program_answers_or_the_lease_ends() {
    // Long enough for a copy to come in it, on a machine that stands still for a while too.
    let lease = Duration::from_secs(5);
    let (target, open) = Target::gated();
    let program = forwarding(&target, &["--lease", "5s"]);
    let delivery = piora("slow");
    let started = Instant::now();
    let stream = delivery.open(program.addr);
    target.next();
    // The program works on it, so nobody else gets it.
    assert_eq!(delivery.send(&program).status, 503);
    assert_eq!(program.line()["outcome"], "in_flight");
    assert_eq!(read_answer(stream).status, 504);
    assert!(started.elapsed() >= lease, "given up after {:?}", started.elapsed());
    let line = program.line();
    assert_eq!((&line["outcome"], &line["status"]), (&json!("failed"), &json!(504)));
    target.nothing_more();
    // Released, so the retry is accepted.
    open.send(()).unwrap();
    open.send(()).unwrap();
    assert_eq!(delivery.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "accepted");
}

#[test]
fn a_sender_that_hangs_up_leaves_one_line_and_a_handled_event() {
    let (target, open) = Target::gated();
    let mut program = forwarding(&target, &[]);
    let delivery = piora("hang-up");
    let stream = delivery.open(program.addr);
    target.next();
    // Meanwhile another delivery of the event is told to come later.
    assert_eq!(delivery.send(&program).status, 503);
    assert_eq!(program.line()["outcome"], "in_flight");
    hang_up(stream);
    open.send(()).unwrap();
    let line = program.line();
    assert_eq!((&line["outcome"], &line["status"]), (&json!("accepted"), &json!(200)), "{line}");
    assert_eq!(delivery.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "duplicate");
    assert_eq!(program.stop(), Some(0));
    program.no_more_lines();
    target.nothing_more();
}

#[test]
fn proxies_in_the_environment_are_left_alone() {
    let target = Target::new(|_| "200 OK");
    let mut command = command(&["listen", "--addr=127.0.0.1:0", "--provider", "piora=env:SECRET"]);
    command.args(["--forward-to", &target.url]);
    for name in ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env(name, "http://127.0.0.1:1");
    }
    assert_eq!(piora("direct").send(&Program::spawn(command)).status, 200);
}
