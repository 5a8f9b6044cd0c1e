//! `--forward-to PATTERN=URL` and `forward-to`: events go where their type says.

use countersign::{Provider, Signature, catalogue};
use serde_json::{Value, json};

use crate::config::{Folder, at};
use crate::program::{Program, SECRET};
use crate::sender::{Delivery, hostwares};
use crate::target::Target;

/// A line as JSON with these fields.
fn fields(line: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| ((*name).to_owned(), line[*name].clone())).collect()
}

#[test]
fn events_go_where_their_type_says() {
    let target = Target::new(|_| "200 OK");
    let to = |path: &str| at(&target, path);
    let program = Program::listen(&[
        "--provider",
        "hostwares=env:SECRET",
        "--provider",
        "github=env:SECRET",
        "--forward-to",
        &format!("invoice.paid={}", to("/paid?kind=value")),
        "--forward-to",
        &format!("invoice.*={}", to("/invoices")),
        "--forward-to",
        &format!("pull_request={}", to("/pulls")),
    ]);
    for (id, event, path) in [
        ("1", "invoice.paid", "/paid?kind=value"),
        ("2", "invoice.sent", "/invoices"),
        ("3", "invoice.a.b", "/invoices"),
    ] {
        assert_eq!(hostwares(id, event).send(&program).status, 200);
        assert_eq!(target.next().request_line, format!("POST {path} HTTP/1.1"));
        let line = program.line();
        assert_eq!(line["forward"]["url"], to(path), "{line}");
        assert_eq!(line.get("unmatched"), None, "{line}");
    }
    // GitHub proves no type: the claimed one decides.
    let github = catalogue::provider("github").unwrap();
    let pull = Delivery::signed("github", &github, SECRET, r#"{"action":"opened"}"#)
        .header("X-GitHub-Event", "pull_request");
    assert_eq!(pull.send(&program).status, 200);
    assert_eq!(target.next().request_line, "POST /pulls HTTP/1.1");
    assert_eq!(program.line()["forward"]["url"], to("/pulls"));

    // What nobody asked for is acknowledged, and not lost in silence.
    let unmatched = [
        hostwares("4", "customer.created"),
        hostwares("5", "Invoice.paid"),
        Delivery::signed("github", &github, SECRET, r#"{"action":"closed"}"#),
    ];
    for delivery in &unmatched {
        assert_eq!(delivery.send(&program).status, 200);
        let line = program.line();
        let expected =
            json!({"outcome": "accepted", "status": 200, "unmatched": true, "forward": null});
        assert_eq!(
            fields(&line, &["outcome", "status", "unmatched", "forward"]),
            expected,
            "{line}"
        );
    }
    program.wait_for_log("no pattern matches this event");
    assert_eq!(unmatched[0].send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "duplicate");
    target.nothing_more();
}

#[test]
fn a_proven_type_decides_whatever_a_header_claims() {
    let target = Target::new(|_| "200 OK");
    let folder = Folder::with(&format!(
        r#"
        [[provider]]
        id = "acme"
        hmac-sha256 = {{ header = "X-Acme-Signature" }}
        optional-event-type = "type"
        unverified-event-type = "X-Acme-Type"

        [[endpoint]]
        id = "acme"
        provider = "acme"
        secrets = "env:SECRET"
        [endpoint.forward-to]
        "proven" = "{}"
        "claimed" = "{}"
        "#,
        at(&target, "/proven"),
        at(&target, "/claimed")
    ));
    let program = folder.listen(&[]);
    let signature = Signature::header("X-Acme-Signature");
    let acme = Provider::builder("acme").hmac_sha256(signature).build().unwrap();
    for (body, path) in [(r#"{"type":"proven"}"#, "/proven"), ("{}", "/claimed")] {
        let delivery = Delivery::signed("acme", &acme, SECRET, body);
        assert_eq!(delivery.header("X-Acme-Type", "claimed").send(&program).status, 200);
        assert_eq!(target.next().request_line, format!("POST {path} HTTP/1.1"));
    }
}
