//! `trigger`, `verify` and `store` with the files of `listen`: a provider of the file, and its variables.

use std::fs;

use crate::config::Folder;
use crate::program::command;
use crate::trigger::{Done, run};

const OWN: &str = r#"
    env-file = "variables"
    store = "env:PLACE"

    [[provider]]
    id = "acme"
    hmac-sha256 = { header = "X-Acme-Signature", prefix = "v1=" }
    signed-content = "{timestamp}.{body}"
    timestamp = { header = "X-Acme-Timestamp", format = "unix-seconds" }
    event-type = "type"
    event-id = "id"

    [[endpoint]]
    id = "acme"
    provider = "acme"
    secrets = "env:ACME_SECRET"
"#;

/// A folder with the file, its variables and a body.
fn folder(secret: &str) -> Folder {
    let folder = Folder::with(OWN);
    let place = folder.path("events.db");
    let variables = format!("ACME_SECRET={secret}\nPLACE=sqlite:{}\n", place.display());
    fs::write(folder.path("variables"), variables).unwrap();
    fs::write(folder.path("order.json"), r#"{"type":"order.paid","id":"1"}"#).unwrap();
    folder
}

/// A command with what it is to be done to, and the file.
fn with_file(folder: &Folder, first: &[&str], args: &[&str]) -> Done {
    let file = folder.path("countersign.toml");
    run(command(&[first, &["--config", file.to_str().unwrap()], args].concat()))
}

#[test]
fn a_provider_of_the_file_is_sent_and_judged_with_the_files_variables() {
    let folder = folder("the secret of the file");
    let mut program = folder.listen(&[]);
    let to = format!("http://{}/webhooks/acme", program.addr);
    let body = folder.path("order.json");
    let trigger = |args: &[&str]| {
        let send = ["--body", body.to_str().unwrap(), "--to", &to, "--secret", "env:ACME_SECRET"];
        with_file(&folder, &["trigger", "acme"], &[&send[..], args].concat())
    };
    let first = trigger(&[]);
    assert_eq!((first.code, &*first.err), (0, ""), "{}", first.out);
    assert_eq!(program.line()["event"], "order.paid");
    let again = trigger(&[]);
    assert!(again.out.contains("duplicate, as it should be"), "{}", again.out);
    let second = trigger(&["--set", "id=2"]);
    assert!(second.out.contains("accepted, as it should be"), "{}", second.out);
    let forged = trigger(&["--tamper"]);
    assert!(forged.out.contains("refused, as it should be"), "{}", forged.out);
    let sample = with_file(&folder, &["trigger", "acme"], &["--to", &to, "--secret", "env:X"]);
    assert_eq!(sample.code, 2);

    // What would be sent is genuine, and with another secret it is not.
    let captured = folder.path("captured.sh");
    fs::write(&captured, trigger(&["--dry-run"]).out).unwrap();
    let verify = |source: &str| {
        let request = ["--request", captured.to_str().unwrap(), "--secret", source];
        with_file(&folder, &["verify", "acme"], &request)
    };
    let genuine = verify("env:ACME_SECRET");
    assert_eq!(genuine.code, 0, "{}{}", genuine.out, genuine.err);
    assert!(genuine.out.starts_with("Genuine: a delivery of acme."), "{}", genuine.out);
    assert_eq!(verify("env:PLACE").code, 1);

    // The file of variables has the store's place, too.
    assert_eq!(program.stop(), Some(0));
    let variables = folder.path("variables");
    let env_file = ["--env-file", variables.to_str().unwrap()];
    let stats = run(command(&[&["store", "env:PLACE", "stats", "--json"], &env_file[..]].concat()));
    assert_eq!(stats.code, 0, "{}", stats.err);
    assert!(stats.out.contains(r#""handled":2"#), "{}", stats.out);
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let folder = folder("\"the secret of the file");
    let to = ["--to", "http://127.0.0.1:1/", "--secret", "env:ACME_SECRET", "--body", "-"];
    let said = |first: &[&str], args: &[&str]| {
        let done = with_file(&folder, first, args);
        assert_eq!((done.code, &*done.out), (2, ""), "{}", done.err);
        assert!(!done.err.contains("the secret"), "{}", done.err);
        done.err
    };
    let quote = said(&["trigger", "acme"], &to);
    assert!(quote.contains("--secret: cannot read the env file"), "{quote}");
    assert!(quote.contains("line 1 is not NAME=VALUE"), "{quote}");
    let unknown = said(&["trigger", "acmee"], &to);
    assert!(unknown.contains("unknown provider `acmee`"), "{unknown}");
    let listed = said(&["trigger", "acme", "--list"], &[]);
    assert!(listed.contains("acme: there are no sample events; use --body"), "{listed}");

    let wrong = OWN.replace("hmac-sha256", "hmac-sha25");
    fs::write(folder.path("countersign.toml"), wrong).unwrap();
    let field = said(&["verify", "acme"], &["--secret", "env:ACME_SECRET", "--request", "-"]);
    assert!(field.contains("countersign.toml:7: ") && field.contains("hmac-sha25"), "{field}");

    let nowhere = ["trigger", "acme", "--config", "/nowhere/countersign.toml"];
    let missing = run(command(&[&nowhere[..], &to[..]].concat()));
    assert!(
        missing.err.contains("--config: cannot read /nowhere/countersign.toml"),
        "{}",
        missing.err
    );
    let pipe = run(command(&["store", "env:PLACE", "stats", "--env-file", "/dev/stdin"]));
    assert!(pipe.err.contains("env file /dev/stdin: it is no regular file"), "{}", pipe.err);
    let nowhere = ["store", "env:PLACE", "stats", "--env-file", "/nowhere/variables"];
    let missing = run(command(&nowhere));
    assert_eq!(missing.code, 2);
    assert!(missing.err.contains("cannot read the env file /nowhere/variables"), "{}", missing.err);
}
