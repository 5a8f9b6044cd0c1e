//! `--config` with a file that is wrong, and `--check`.

use std::fs;

use crate::config::Folder;
use crate::program::SECRET;

/// Runs to the end: the exit code, stdout and stderr.
fn run(folder: &Folder, args: &[&str]) -> (i32, String, String) {
    let output = folder.command(args).env("STORE_URL", "memory").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const GITHUB: &str = "[[endpoint]]\nid = \"gh\"\nprovider = \"github\"\nsecrets = \"env:SECRET\"\n";

#[test]
fn check_says_what_would_be_listened_to() {
    let folder = Folder::with(
        r#"
        addr = "127.0.0.1:9000"
        store = "postgres://user:the-password@127.0.0.1/db"
        inspect = { addr = "127.0.0.1:4040" }

        [[endpoint]]
        id = "stripe-eu"
        provider = "stripe"
        secrets = ["env:SECRET", "file:secrets/old"]
        [endpoint.forward-to]
        "invoice.*" = "http://127.0.0.1:3000/invoices?key=the-password"
        "customer.*" = "http://127.0.0.1:3000/customers"

        [[endpoint]]
        id = "gh"
        provider = "github"
        secrets = "env:OLDER"
        path = "/in/gh"
        park = { after = 10, no-sooner-than = "6h", keep-for = "14d" }
        "#,
    );
    fs::write(folder.path("secrets/old"), "the older one").unwrap();
    let (code, stdout, stderr) = run(&folder, &["--check", "--provider", "piora=env:SECRET"]);
    assert_eq!((code, &*stderr), (0, ""));
    let expected = "\
listen on   127.0.0.1:9000
store       postgres
inspect on  127.0.0.1:4040

POST /webhooks/stripe-eu
  endpoint  stripe-eu
  provider  stripe
  proof     hmac_sha256 in stripe-signature
  fresh by  time in a header, 300 s
  key       id in the body, else body
  secrets   env:SECRET, file:secrets/old
  events    invoice.* to http://127.0.0.1:3000/invoices?…
            customer.* to http://127.0.0.1:3000/customers
            others are acknowledged and not forwarded

POST /in/gh
  endpoint  gh
  provider  github
  proof     hmac_sha256 in x-hub-signature-256
  fresh by  none: no time is sent
  key       signed content and claimed type
  secrets   env:OLDER
  parking   after 10 failed attempts, no sooner than 6h, kept for 14d
  events    are printed

POST /webhooks/piora
  endpoint  piora
  provider  piora
  proof     hmac_sha256 in x-piora-signature
  fresh by  time in the body, 56160 s
  key       signed content
  secrets   env:SECRET
  events    are printed
";
    assert_eq!(stdout, expected);
}

/// What is wrong is said in one line, with and without `--check`.
fn refused(folder: &Folder, args: &[&str], expected: &str) {
    for (check, expected_code) in [(&["--check"][..], 2), (&["--addr", "127.0.0.1:0"], 1)] {
        let (code, stdout, stderr) = run(folder, &[args, check].concat());
        assert_eq!((code, &*stdout), (expected_code, ""), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.starts_with("countersign: ") && stderr.contains(expected), "{stderr}");
        assert!(!stderr.contains(SECRET), "{stderr}");
    }
}

#[test]
fn a_mistake_is_named_with_the_file_and_the_line() {
    let folder = Folder::with(&format!("{GITHUB}leese = \"5m\"\n"));
    let file = folder.path("countersign.toml");
    let expected =
        format!("{}:5: there is no field `leese` in endpoint gh: is it `lease`?", file.display());
    refused(&folder, &[], &expected);

    let folder = Folder::with(&GITHUB.replace("env:SECRET", SECRET));
    refused(&folder, &[], "countersign.toml:4: endpoint gh: secrets: a SOURCE is \"env:VARIABLE\"");
    let folder = Folder::with(&format!("{GITHUB}secrets = {SECRET}"));
    refused(&folder, &[], "countersign.toml:5: this is not TOML: ");
}

#[test]
fn what_is_given_beside_the_file_must_go_with_it() {
    let folder = Folder::with(&format!(
        "{GITHUB}\n{}",
        GITHUB.replace("\"gh\"", "\"piora-2\"\npath = \"/webhooks/piora\"")
    ));
    refused(
        &folder,
        &["--provider", "github=env:OLDER", "--provider", "github=env:SECRET"],
        "given twice",
    );
    refused(
        &folder,
        &["--provider", "piora=env:OLDER"],
        "the endpoint piora-2 of the file has its path",
    );
    refused(&folder, &["--verify-token", "piora=env:OLDER"], "there is no endpoint piora");
    refused(&folder, &["--verify-token", "gh=env:OLDER"], "github has no handshake that shows one");
    refused(
        &folder,
        &["--forward-to", "a=http://127.0.0.1/", "--forward-to", "a=http://b/"],
        "given twice",
    );
    let folder = Folder::with(&GITHUB.replace("\"gh\"", "\"piora\""));
    refused(&folder, &["--provider", "piora=env:OLDER"], "the file has an endpoint with this id");
    let folder = Folder::with("");
    refused(&folder, &[], "there is no endpoint");
    let folder = Folder::with(GITHUB);
    fs::remove_file(folder.path("countersign.toml")).unwrap();
    refused(&folder, &[], "--config: cannot read ");
}

#[test]
fn a_store_of_the_file_that_cannot_be_opened_is_named_by_the_file() {
    let folder = Folder::with(&format!("store = \"sqlite:no/such/events.db\"\n{GITHUB}"));
    let (code, _, stderr) = run(&folder, &["--addr", "127.0.0.1:0"]);
    assert_eq!(code, 1);
    let path = folder.path("no/such/events.db");
    let expected =
        format!("countersign.toml: store: cannot use the SQLite file {}", path.display());
    assert!(stderr.contains(&expected), "{stderr}");
}

#[test]
fn check_looks_at_the_form_of_addresses() {
    for (line, said) in [
        ("store = \"mysql://x\"", "countersign.toml: store is memory, sqlite:PATH"),
        ("metrics = \"19464\"", "metrics: an address is HOST:PORT"),
        ("addr = \"127.0.0.1:x\"", "addr: an address is HOST:PORT"),
        ("inspect.addr = \"127.0.0.1:99999\"", "inspect: an address is HOST:PORT"),
    ] {
        let folder = Folder::with(&format!("{line}\n{GITHUB}"));
        let (code, _, stderr) = run(&folder, &["--check"]);
        assert_ne!(code, 0, "{line}");
        assert!(stderr.contains(said), "{line}: {stderr}");
    }
}
