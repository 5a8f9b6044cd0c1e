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
