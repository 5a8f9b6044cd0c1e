//! `countersign trigger` against a receiver that is running.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Program, SECRET, command};
use crate::target::Target;

/// The exit code, and what is on stdout and stderr.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn run(mut command: Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    for said in [&out, &err] {
        assert!(!said.contains(SECRET) && !said.contains("panicked"), "{said}");
    }
    Done { code: output.status.code().unwrap(), out, err }
}

/// `trigger` with the secret of `SECRET`, to this program's endpoint of the provider.
fn trigger(program: &Program, provider: &str, args: &[&str]) -> Done {
    let to = format!("http://{}/webhooks/{provider}", program.addr);
    let all = [&["trigger", provider, "--to", &to, "--secret", "env:SECRET"], args].concat();
    run(command(&all))
}

fn file(name: &str, contents: &[u8]) -> PathBuf {
    let name = format!("countersign-trigger-{}-{name}", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, contents).unwrap();
    path
}

const PROVIDERS: [&str; 8] =
    ["stripe", "github", "slack", "shopify", "piora", "pingara-basic", "razorpay", "zoom"];

#[test]
fn each_provider_is_accepted_refused_and_deduplicated_as_it_should_be() {
    let given: Vec<_> = PROVIDERS.iter().map(|name| format!("{name}=env:SECRET")).collect();
    let args: Vec<_> = given.iter().flat_map(|given| ["--provider", given]).collect();
    let program = Program::listen(&args);
    for name in PROVIDERS {
        let genuine = trigger(&program, name, &[]);
        assert_eq!(genuine.code, 0, "{name}: {}{}", genuine.out, genuine.err);
        assert!(
            genuine.out.contains("\n200 OK in ")
                && genuine.out.ends_with("accepted, as it should be\n"),
            "{}",
            genuine.out
        );
        assert_eq!(program.line()["outcome"], "accepted", "{name}");

        let tampered = trigger(&program, name, &["--tamper"]);
        assert_eq!(tampered.code, 0, "{name}: {}{}", tampered.out, tampered.err);
        assert!(tampered.out.ends_with("refused, as it should be\n"), "{}", tampered.out);
        let reason = if name == "pingara-basic" { "token_mismatch" } else { "signature_mismatch" };
        assert_eq!(program.line()["reason"], reason, "{name}");

        let stale = trigger(&program, name, &["--stale"]);
        if ["github", "shopify", "razorpay"].contains(&name) {
            assert_eq!(stale.code, 2, "{name}");
            assert!(stale.err.contains("sends no time"), "{}", stale.err);
        } else {
            assert_eq!(stale.code, 0, "{name}: {}{}", stale.out, stale.err);
            assert_eq!(program.line()["reason"], "timestamp_stale", "{name}");
        }

        let copies = trigger(&program, name, &["--copies", "5"]);
        assert_eq!(copies.code, 0, "{name}: {}{}", copies.out, copies.err);
        assert!(copies.out.contains("1 accepted"), "{}", copies.out);
        let outcomes: Vec<_> = (0..5).map(|_| program.line()["outcome"].clone()).collect();
        assert_eq!(outcomes.iter().filter(|outcome| *outcome == "accepted").count(), 1, "{name}");
    }
}

#[test]
fn fields_headers_and_bodies_are_the_users() {
    let program =
        Program::listen(&["--provider", "stripe=env:SECRET", "--provider", "github=env:SECRET"]);
    let set =
        ["charge.refunded", "--set", "data.object.status=failed", "--set", "data.object.amount=5"];
    assert_eq!(trigger(&program, "stripe", &set).code, 0);
    let line = program.line();
    assert_eq!(line["event"], "charge.refunded");
    assert_eq!(line["payload"]["data"]["object"]["status"], "failed");
    assert_eq!(line["payload"]["data"]["object"]["amount"], 5);

    let path = file("body", b"{ \"a\" : 1 }");
    let path = path.to_str().unwrap();
    let body = trigger(&program, "github", &["star", "--body", path]);
    assert_eq!(body.code, 0, "{}{}", body.out, body.err);
    let line = program.line();
    assert_eq!((&line["unverified"]["event"], &line["payload"]["a"]), (&"star".into(), &1.into()));
    // The same again may be known.
    let again = trigger(&program, "github", &["star", "--body", path]);
    assert_eq!(again.code, 0, "{}", again.out);
    assert!(again.out.ends_with("taken for a duplicate, as it should be\n"), "{}", again.out);
    program.line();
    let header = trigger(&program, "github", &["push", "--header", "X-GitHub-Event: other"]);
    assert_eq!(header.code, 0);
    assert_eq!(program.line()["unverified"]["event"], "other");
    fs::remove_file(path).unwrap();
}

#[test]
fn private_keys_sign_for_public_ones() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let mut listen =
        command(&["listen", "--addr", "127.0.0.1:0", "--provider", "discord=env:PUBLIC"]);
    listen.env("PUBLIC", public);
    let program = Program::spawn(listen);
    let to = format!("http://{}/webhooks/discord", program.addr);
    for (args, outcome) in
        [(&[][..], "accepted"), (&["--tamper"], "rejected"), (&["--stale"], "rejected")]
    {
        let all = [&["trigger", "discord", "command", "--to", &to, "--secret", "env:SEED"], args]
            .concat();
        let mut trigger = command(&all);
        trigger.env("SEED", seed);
        let done = run(trigger);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        assert_eq!(program.line()["outcome"], outcome);
    }
}

#[test]
fn a_signed_url_is_the_one_that_the_world_sees() {
    let public = ["--public-url", "https://hooks.example.test"];
    let program = Program::listen(&[&["--provider", "twilio=env:SECRET"], &public[..]].concat());
    assert_eq!(trigger(&program, "twilio", &public).code, 0);
    assert_eq!(program.line()["payload"]["Body"], "Hello + good morning");
    let without = trigger(&program, "twilio", &[]);
    assert_eq!(without.code, 1, "{}", without.out);
    assert!(without.out.contains("WRONG: refused; the delivery is genuine"), "{}", without.out);
}

#[test]
fn retries_come_on_the_providers_schedule_until_one_is_accepted() {
    let target = Target::new(|nth| if nth < 2 { "500 Internal Server Error" } else { "200 OK" });
    let program =
        Program::listen(&["--provider", "hostwares=env:SECRET", "--forward-to", &target.url]);
    let start = Instant::now();
    let done = trigger(&program, "hostwares", &["--retries", "--speed", "100x"]);
    assert_eq!(done.code, 0, "{}{}", done.out, done.err);
    // 10 s and 60 s, 100 times as fast.
    assert!(start.elapsed() >= Duration::from_millis(700), "{:?}", start.elapsed());
    let lines: Vec<_> = done.out.lines().skip(1).collect();
    assert!(
        lines[0].starts_with("attempt 1  500 ")
            && lines[0].ends_with("; the next attempt in 10s (here 100ms, 100x)"),
        "{}",
        done.out
    );
    assert!(
        lines[1].starts_with("attempt 2  500 ") && lines[1].contains("in 1m (here 600ms"),
        "{}",
        done.out
    );
    assert!(lines[2].starts_with("attempt 3  200 OK"), "{}", done.out);
    assert_eq!(lines[3], "accepted at attempt 3");
    let keys: Vec<_> =
        (0..3).map(|_| target.next().header("countersign-key").unwrap().to_owned()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");

    // To Pakyas, a 4xx is final.
    let refusing = Target::new(|_| "422 Unprocessable Content");
    let program =
        Program::listen(&["--provider", "pakyas=env:SECRET", "--forward-to", &refusing.url]);
    let done = trigger(&program, "pakyas", &["--retries", "--speed", "1000x"]);
    assert_eq!(done.code, 1);
    assert!(
        done.out.ends_with("not accepted; the provider would not send it again\n"),
        "{}",
        done.out
    );
    refusing.next();
    refusing.nothing_more();
}

#[test]
fn a_captured_request_is_sent_again_with_a_new_signature_or_its_own() {
    let mut listen = command(&["listen", "--addr", "127.0.0.1:0", "--provider", "svix=env:KEY"]);
    listen.env("KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let program = Program::spawn(listen);
    let captured = "POST /hooks HTTP/1.1\r\nHost: hooks.example.test\r\nContent-Type: application/json\r\n\
                    svix-id: msg_1\r\nsvix-timestamp: 1700000000\r\nContent-Length: 12\r\n\
                    svix-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\r\n\r\n{\"type\":\"a\"}\n";
    let path = file("captured", captured.as_bytes());
    let to = format!("http://{}/webhooks/svix", program.addr);
    let replay = |more: &[&str]| {
        let args = [
            "trigger",
            "svix",
            "--to",
            &to,
            "--secret",
            "env:KEY",
            "--replay",
            path.to_str().unwrap(),
        ];
        let mut trigger = command(&[&args, more].concat());
        trigger.env("KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        run(trigger)
    };
    let old = replay(&["--as-captured"]);
    assert_eq!(old.code, 0, "{}{}", old.out, old.err);
    assert_eq!(program.line()["reason"], "timestamp_stale");
    let new = replay(&[]);
    assert_eq!(new.code, 0, "{}{}", new.out, new.err);
    let line = program.line();
    assert_eq!((&line["outcome"], &line["id"]), (&"accepted".into(), &"msg_1".into()));
    assert_eq!(line["payload"].to_string(), r#"{"type":"a"}"#);
    fs::remove_file(path).unwrap();
}

#[test]
fn the_curl_command_does_what_the_program_would() {
    let program = Program::listen(&[
        "--provider",
        "slack=env:SECRET",
        "--provider",
        "pingara=env:SECRET",
        "--provider",
        "pingara-basic=env:SECRET",
        "--provider",
        "github=env:SECRET",
    ]);
    let binary = file("binary", b"a\0'\xff\n");
    let binary = ["--body", binary.to_str().unwrap()];
    let quotes = ["push", "--set", "ref=it's \"$HOME\" `id`"];
    for (provider, args) in [
        ("slack", &["command"][..]),
        ("github", &quotes),
        ("pingara", &[]),
        ("pingara-basic", &[]),
        ("github", &binary),
    ] {
        let done = trigger(&program, provider, &[args, &["--dry-run"]].concat());
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.out.contains("curl -i -X POST"), "{}", done.out);
        let mut shell = Command::new("sh");
        shell.args(["-c", &done.out]).env("SECRET", SECRET);
        let answer = String::from_utf8(shell.output().unwrap().stdout).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{provider}: {answer}\n{}", done.out);
        assert_eq!(program.line()["outcome"], "accepted", "{provider}");
    }
    fs::remove_file(binary[1]).unwrap();
}
