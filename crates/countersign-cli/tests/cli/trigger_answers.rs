//! What `countersign trigger` says of wrong answers, and of what it cannot send.

use crate::program::{SECRET, command};
use crate::target::Target;
use crate::trigger::run;

#[test]
fn wrong_answers_are_told_apart() {
    let target = Target::new(|_| "200 OK");
    for (args, said) in [
        (&["--tamper"][..], "WRONG: accepted; the delivery is not genuine or not fresh"),
        (&["--stale"], "WRONG: accepted; the delivery is not genuine or not fresh"),
        (&["--copies", "3"], "WRONG: 3 accepted, 0 taken for duplicates"),
    ] {
        let done = run(command(
            &[&["trigger", "stripe", "--to", &target.url, "--secret", "env:SECRET"], args].concat(),
        ));
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        assert!(done.out.contains(said), "{}", done.out);
    }
    let missing = Target::new(|_| "404 Not Found");
    let done = run(command(&[
        "trigger",
        "stripe",
        "--tamper",
        "--to",
        &missing.url,
        "--secret",
        "env:SECRET",
    ]));
    assert_eq!(done.code, 1);
    assert!(done.out.contains("WRONG: not a place that takes webhooks"), "{}", done.out);
    let done = run(command(&[
        "trigger",
        "stripe",
        "--to",
        "http://127.0.0.1:1/",
        "--secret",
        "env:SECRET",
    ]));
    assert_eq!(done.code, 1);
    assert!(done.out.contains("no answer: ") && done.out.contains("refused"), "{}", done.out);
}

#[test]
fn why_a_genuine_delivery_may_be_refused() {
    let secret = "Is --secret the same as the receiver's?";
    for (answer, said) in [
        (r#"401 Unauthorized with {"error":"signature_mismatch"}"#, secret),
        ("400 Bad Request with no signatures found", secret),
        (r#"400 Bad Request with {"error":"event_mismatch"}"#, "takes another type of event"),
        ("422 Unprocessable Entity", "The receiver's log says why"),
    ] {
        let target = Target::new(move |_| answer);
        let to = ["trigger", "stripe", "--to", &target.url, "--secret", "env:SECRET"];
        let done = run(command(&to));
        assert_eq!(done.code, 1, "{}{}", done.out, done.err);
        assert!(done.out.contains("WRONG: refused") && done.out.contains(said), "{}", done.out);
        assert_eq!(done.out.contains("--secret"), said == secret, "{}", done.out);
    }
}

#[test]
fn a_wrong_command_is_told_from_a_wrong_option() {
    let done = run(command(&["send", "stripe"]));
    assert_eq!(done.code, 2);
    assert!(done.err.contains("`countersign --help`"), "{}", done.err);
}

#[test]
fn samples_are_listed() {
    let all = run(command(&["trigger", "--list"]));
    assert_eq!(all.code, 0);
    assert!(
        all.out.contains("stripe: invoice.paid, ") && all.out.lines().count() > 25,
        "{}",
        all.out
    );
    let stripe = run(command(&["trigger", "--list", "stripe"]));
    assert!(stripe.out.lines().any(|line| line == "charge.refunded"), "{}", stripe.out);
}

#[test]
fn what_cannot_be_sent_is_said_in_one_sentence() {
    let to = ["--to", "http://127.0.0.1:1/", "--secret", "env:SECRET"];
    for (args, said) in [
        (&["stripe"][..], "--to <URL>"),
        (
            &[&["stripe", "invoice.pai"], &to[..]].concat(),
            "stripe has no sample event `invoice.pai`; it has invoice.paid",
        ),
        (&[&["strip"], &to[..]].concat(), "is it stripe"),
        (
            &[&["acme"], &to[..]].concat(),
            "a [[provider]] of a file of `listen` needs --config FILE",
        ),
        (
            &[&["auth0"], &to[..]].concat(),
            "there are no sample events of auth0: give the body, with --body FILE",
        ),
        (
            &[&["svix"], &to[..]].concat(),
            "the secret is not of the kind that svix signs with: base64",
        ),
        (
            &[&["intercom", "--retries"], &to[..]].concat(),
            "it is not known when intercom sends an event again",
        ),
        (&[&["stripe", "--set", "a"], &to[..]].concat(), "--set takes PATH=VALUE"),
        (
            &[&["stripe", "--set", "id.x=1"], &to[..]].concat(),
            "--set id.x: no field `id.x` in the body",
        ),
        (&[&["stripe", "--copies", "1"], &to[..]].concat(), "--copies"),
        (&[&["stripe", "--retries", "--tamper"], &to[..]].concat(), "cannot be used with"),
        (
            &[&["stripe", "--body", "/nonexistent"], &to[..]].concat(),
            "cannot read the body from /nonexistent",
        ),
        (
            &["stripe", "--to", "ftp://x/", "--secret", "env:SECRET"],
            "`ftp` is neither http nor https",
        ),
        (&["stripe", "--to", "http://x/", "--secret", SECRET], "never the secret itself"),
        (
            &["stripe", "--to", "http://x/", "--secret", "env:UNSET_BY_ALL"],
            "UNSET_BY_ALL is not set",
        ),
    ] {
        let done = run(command(&[&["trigger"], args].concat()));
        assert_eq!(done.code, 2, "{args:?}: {}{}", done.out, done.err);
        assert_eq!(done.err.lines().count(), 1, "{}", done.err);
        assert!(done.err.contains(said), "{args:?}: {}", done.err);
        assert!(done.err.ends_with("see `countersign trigger --help`\n"), "{}", done.err);
        assert_eq!(done.out, "", "{args:?}");
    }
}
