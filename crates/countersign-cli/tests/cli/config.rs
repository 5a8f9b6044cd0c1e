//! `--config`: several endpoints from a file, over HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::{Part, Provider, Signature, TimeFormat, Timestamp, catalogue};
use serde_json::json;

use crate::program::{OLDER, Program, SECRET, command};
use crate::sender::{Delivery, hostwares, now};
use crate::target::Target;

/// A folder of a test's own with a file in it, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn with(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("countersign-config-{}-{number}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(folder.0.join("secrets")).unwrap();
        fs::write(folder.file(), text).unwrap();
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("countersign.toml")
    }

    /// `listen` with the file and these arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let file = self.file();
        let listen = ["listen", "--config", file.to_str().unwrap()];
        command(&[&listen, args].concat())
    }

    /// The running program.
    pub(crate) fn listen(&self, args: &[&str]) -> Program {
        Program::spawn(self.command(&[&["--addr", "127.0.0.1:0"], args].concat()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The URL of this path at a target.
pub(crate) fn at(target: &Target, path: &str) -> String {
    format!("{}{path}", target.url.split("/hook").next().unwrap())
}

/// The same delivery, for another endpoint or under another secret.
fn hostwares_to(path: &str, id: &str, secret: &str) -> Delivery {
    let body = hostwares(id, "invoice.paid").body;
    let provider = countersign::providers::hostwares::provider();
    Delivery { path: path.to_owned(), ..Delivery::signed("-", &provider, secret, &body) }
}

#[test]
fn two_accounts_of_one_provider_are_kept_apart() {
    let folder = Folder::with(
        r#"
        [[endpoint]]
        id = "eu"
        provider = "hostwares"
        secrets = "env:SECRET"

        [[endpoint]]
        id = "us"
        provider = "hostwares"
        secrets = ["env:NEWER", "env:OLDER"]
        path = "/in/us"
        "#,
    );
    let mut command = folder.command(&["--addr", "127.0.0.1:0"]);
    command.env("NEWER", "a newer secret");
    let program = Program::spawn(command);
    let mut keys = Vec::new();
    for (path, secret, id) in [
        ("/webhooks/eu", SECRET, "eu"),
        ("/in/us", OLDER, "us"),
        ("/in/us", "a newer secret", "us"),
    ] {
        let event = if secret == OLDER { "1001" } else { "1002" };
        assert_eq!(hostwares_to(path, event, secret).send(&program).status, 200, "{path}");
        let line = program.line();
        assert_eq!(line["outcome"], "accepted", "{line}");
        assert_eq!((&line["endpoint"], &line["provider"]), (&json!(id), &json!("hostwares")));
        keys.push(line["key"].as_str().unwrap().to_owned());
    }
    // The event 1002 of each.
    assert_ne!(keys[0], keys[2]);
    for (path, secret) in [("/webhooks/eu", OLDER), ("/in/us", SECRET)] {
        assert_eq!(hostwares_to(path, "1003", secret).send(&program).status, 401, "{path}");
        assert_eq!(program.line()["reason"], "signature_mismatch");
    }
    assert_eq!(hostwares_to("/webhooks/us", "1004", OLDER).send(&program).status, 404);
}

/// What the file of the README defines.
fn acme() -> Provider {
    Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Acme-Signature").prefix("v1="))
        .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
        .timestamp(Timestamp::header("X-Acme-Timestamp").format(TimeFormat::UnixSeconds))
        .event_type("type")
        .event_id("id")
        .build()
        .unwrap()
}

/// The TOML of a page, in pieces.
pub(crate) fn toml_of(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_readmes_file_does_what_it_says() {
    let target = Target::new(|_| "200 OK");
    let [example] = <[String; 1]>::try_from(toml_of("README.md")).unwrap();
    let folder = Folder::with(&example.replace("http://127.0.0.1:3000", &at(&target, "")));
    fs::write(folder.path("secrets/stripe-us"), "the us secret\n").unwrap();
    // Started elsewhere, so that paths that are relative to this place are not found.
    let start = || {
        let mut command = folder.command(&["--addr", "127.0.0.1:0"]);
        command.current_dir("/").env("STRIPE_EU", SECRET).env("STRIPE_EU_OLD", OLDER);
        command.env("ACME_SECRET", "the acme secret");
        Program::spawn(command)
    };
    let mut program = start();

    let stripe = catalogue::provider("stripe").unwrap();
    let event = |id: &str, event: &str| format!(r#"{{"id":"{id}","type":"{event}"}}"#);
    let us = Delivery::signed("-", &stripe, "the us secret", &event("evt_1", "invoice.paid"));
    let us = Delivery { path: "/hooks/us".to_owned(), ..us };
    let acme = Delivery::signed("acme", &acme(), "the acme secret", &event("9", "thing.made"));
    for (delivery, path, endpoint, provider) in [
        (
            Delivery::signed("stripe-eu", &stripe, OLDER, &event("evt_1", "invoice.paid")),
            "/invoices",
            "stripe-eu",
            "stripe",
        ),
        (
            Delivery::signed("stripe-eu", &stripe, SECRET, &event("evt_2", "customer.created")),
            "/hooks",
            "stripe-eu",
            "stripe",
        ),
        (us, "/us", "stripe-us", "stripe"),
        (acme.clone(), "/hooks", "acme", "acme"),
    ] {
        assert_eq!(delivery.send(&program).status, 200, "{path}");
        let got = target.next();
        assert_eq!(got.request_line, format!("POST {path} HTTP/1.1"));
        assert_eq!(got.header("countersign-endpoint"), Some(endpoint));
        assert_eq!(got.header("countersign-provider"), Some(provider));
        assert_eq!(program.line()["outcome"], "accepted");
    }

    // The store is a file beside the file, and remembers.
    assert_eq!(program.stop(), Some(0));
    assert!(folder.path("events.db").exists());
    let next = start();
    assert_eq!(acme.send(&next).status, 200);
    assert_eq!(next.line()["outcome"], "duplicate");
    target.nothing_more();
}

#[test]
fn every_piece_of_the_reference_is_a_file() {
    for piece in toml_of("CONFIG.md") {
        let endpoint =
            "\n[[endpoint]]\nid = \"gh\"\nprovider = \"github\"\nsecrets = \"env:SECRET\"\n";
        let output =
            Folder::with(&(piece.clone() + endpoint)).command(&["--check"]).output().unwrap();
        assert!(output.status.success(), "{piece}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(toml_of("CONFIG.md").len(), 4);
}

#[test]
fn a_provider_of_the_file_is_judged_as_it_says() {
    let folder = Folder::with(
        &(toml_of("CONFIG.md")[2].clone()
            + &toml_of("CONFIG.md")[3]
            + r#"
        [[endpoint]]
        id = "chat"
        provider = "acme-chat"
        secrets = "env:SECRET"
    "#),
    );
    // An endpoint of the command line has a provider of the file too.
    let program = folder.listen(&["--provider", "acme=env:OLDER"]);
    let body = |mark: &str| format!(r#"{{"id":"{mark}","type":"thing.made"}}"#);
    let genuine = Delivery::signed("acme", &acme(), OLDER, &body("1"));
    assert_eq!(genuine.send(&program).status, 200);
    let line = program.line();
    assert_eq!((&line["event"], &line["id"]), (&json!("thing.made"), &json!("1")));
    assert_eq!(genuine.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "duplicate");
    let changed = Delivery { body: body("2"), ..genuine.clone() };
    assert_eq!(changed.send(&program).status, 401);
    assert_eq!(program.line()["reason"], "signature_mismatch");

    // The handshake of the other.
    let chat = Provider::builder("acme-chat")
        .hmac_sha256(Signature::header("X-Chat-Signature").prefix("v0="))
        .signed_content([Part::literal("v0:"), Part::Timestamp, Part::literal(":"), Part::Body])
        .timestamp(Timestamp::header("X-Chat-Time").format(TimeFormat::UnixSeconds))
        .build()
        .unwrap();
    let asked = r#"{"type":"url_verification","challenge":"echo-me"}"#;
    let answer = Delivery::signed("chat", &chat, SECRET, asked).send(&program);
    assert_eq!(answer.status, 200);
    assert!(answer.head.ends_with("echo-me"), "{}", answer.head);
    assert_eq!(program.line()["outcome"], "handshake");
}

#[test]
fn an_endpoint_may_have_targets_of_its_own_or_print() {
    let (all, own) = (Target::new(|_| "200 OK"), Target::new(|_| "503 Service Unavailable"));
    let endpoint = |id: &str| {
        format!("[[endpoint]]\nid = \"{id}\"\nprovider = \"hostwares\"\nsecrets = \"env:SECRET\"\n")
    };
    let to = |target: &Target| format!("forward-to = \"{}\"\n", at(target, "/"));
    let folder = Folder::with(&(endpoint("printed") + &endpoint("own") + &to(&own)));
    let program = folder.listen(&[]);
    assert_eq!(hostwares_to("/webhooks/own", "1", SECRET).send(&program).status, 503);
    assert_eq!(own.next().header("countersign-id"), Some("1"));
    let line = program.line();
    assert_eq!((&line["outcome"], &line["forward"]["status"]), (&json!("failed"), &json!(503)));
    assert_eq!(hostwares_to("/webhooks/printed", "1", SECRET).send(&program).status, 200);
    let line = program.line();
    assert_eq!((&line["outcome"], &line["payload"]["id"]), (&json!("accepted"), &json!("1")));

    let folder = Folder::with(&(to(&all) + &endpoint("others") + &endpoint("own") + &to(&own)));
    let program = folder.listen(&[]);
    assert_eq!(hostwares_to("/webhooks/own", "2", SECRET).send(&program).status, 503);
    assert_eq!(own.next().header("countersign-id"), Some("2"));
    assert_eq!(hostwares_to("/webhooks/others", "2", SECRET).send(&program).status, 200);
    assert_eq!(all.next().header("countersign-id"), Some("2"));
    drop(program);

    // What is given beside the file wins, for both.
    let given = Target::new(|_| "202 Accepted");
    let program = folder.listen(&["--forward-to", &at(&given, "/")]);
    for path in ["/webhooks/own", "/webhooks/others"] {
        assert_eq!(hostwares_to(path, "3", SECRET).send(&program).status, 202);
        assert_eq!(given.next().header("countersign-id"), Some("3"));
    }
    all.nothing_more();
    own.nothing_more();
}

#[test]
fn what_is_given_beside_the_file_wins() {
    let folder = Folder::with(
        r#"
        addr = "nowhere:1"
        store = "sqlite:no/such/folder/events.db"
        max-body = 10
        [[endpoint]]
        id = "hostwares"
        provider = "hostwares"
        secrets = "env:SECRET"
        max-body = 11
        "#,
    );
    let program = folder.listen(&[
        "--store",
        "memory",
        "--max-body",
        "100000",
        "--provider",
        "piora=env:OLDER",
    ]);
    assert_eq!(hostwares("1", "e").send(&program).status, 200);
    assert_eq!(program.line()["endpoint"], "hostwares");
    let body = format!(r#"{{"event":"server.alert","timestamp":"{}"}}"#, now());
    let piora = countersign::providers::piora::provider();
    assert_eq!(Delivery::signed("piora", &piora, OLDER, &body).send(&program).status, 200);
    assert_eq!(program.line()["endpoint"], "piora");
    drop(program);
    // Without: the file's, and the endpoint's own before that.
    let program = folder.listen(&["--store", "memory"]);
    assert_eq!(hostwares("2", "e").send(&program).status, 413);
}

#[test]
fn a_verify_token_of_the_command_line_is_for_an_endpoint_of_the_file() {
    let folder = Folder::with(
        "[[endpoint]]\nid = \"whatsapp\"\nprovider = \"meta\"\nsecrets = \"env:SECRET\"\n",
    );
    let program = folder.listen(&["--verify-token", "whatsapp=env:OLDER"]);
    let target =
        format!("/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token={OLDER}&hub.challenge=7");
    let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    let answer = crate::sender::read_answer(crate::sender::connect(program.addr, &request));
    assert_eq!(answer.status, 200);
    assert!(answer.head.ends_with("\r\n7"), "{}", answer.head);
}
