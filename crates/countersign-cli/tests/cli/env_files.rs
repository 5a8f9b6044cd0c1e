//! `--env-file`: variables for every `env:`, and lines that are none.

use std::fs;

use countersign::providers::piora::provider;
use serde_json::json;

use crate::config::Folder;
use crate::inspect::Inspector;
use crate::sender::{Delivery, now};

#[test]
fn the_store_and_the_inspector_have_their_variables_there_too() {
    const TOKEN: &str = "a token of the test that nobody guesses";
    let folder = Folder::with(
        r#"
        env-file = "variables"
        store = "env:PLACE"
        [inspect]
        addr = "127.0.0.1:0"
        token = "env:TOKEN"
        [[endpoint]]
        id = "piora"
        provider = "piora"
        secrets = "env:OF_PIORA"
        "#,
    );
    let store = folder.path("events.db");
    let variables = format!(
        "OF_PIORA=\"of the file\"\nexport TOKEN='{TOKEN}'\nPLACE=sqlite:{}\n",
        store.display()
    );
    fs::write(folder.path("variables"), variables).unwrap();
    let mut program = folder.listen(&[]);
    let body = format!(r#"{{"event":"server.alert","timestamp":"{}","data":{{}}}}"#, now());
    let delivery = Delivery::signed("piora", &provider(), "of the file", &body);
    assert_eq!(delivery.send(&program).status, 200);
    assert!(store.exists());
    let inspector = Inspector::of(&program);
    assert_eq!(
        inspector.post("/login", &json!({ "token": "another token of the test" })).status,
        401
    );
    assert!(inspector.post("/login", &json!({ "token": TOKEN })).status < 400);
    assert_eq!(program.stop(), Some(0));
    let said = program.stderr();
    assert!(!said.contains(TOKEN) && !said.contains("of the file"), "{said}");

    // The command line asks for the same.
    fs::write(folder.path("others"), "ELSEWHERE=nothing that is a store\n").unwrap();
    let others = folder.path("others");
    let args = ["--env-file", others.to_str().unwrap(), "--store", "env:ELSEWHERE"];
    let refused = folder.command(&args).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(said.contains("--store is memory, sqlite:PATH"), "{said}");
}

#[test]
fn what_is_wrong_with_a_line_is_said_without_the_secret() {
    let folder = Folder::with(
        r#"
        env-file = "variables"
        [[endpoint]]
        id = "piora"
        provider = "piora"
        secrets = "env:OF_PIORA"
        "#,
    );
    for (line, why) in [
        ("hush-hush", "it has no `=`"),
        ("OF_PIORA: hush-hush", "it has no `=`"),
        ("=hush-hush", "the name before the `=` is missing"),
        ("set OF_PIORA=hush-hush", "letters, digits and `_` only"),
        ("OF_PIORA=\"hush-hush", "begins with a quote and does not end with it"),
    ] {
        fs::write(folder.path("variables"), format!("# one\n{line}\n")).unwrap();
        let refused = folder.command(&["--check"]).output().unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{line}");
        assert!(said.contains("line 2 is not NAME=VALUE: ") && said.contains(why), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}
