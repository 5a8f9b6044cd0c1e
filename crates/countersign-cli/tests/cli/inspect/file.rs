//! `--inspect-file`: deliveries that are still there after a restart, and a file that fails.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::inspected;
use crate::program::{command, end};
use crate::sender::{Delivery, hostwares, piora};
use crate::verify::Folder;

const PROVIDERS: [&str; 4] =
    ["--provider", "hostwares=env:SECRET", "--provider", "piora=env:SECRET"];

fn with_file(path: &str, more: &[&str]) -> (crate::program::Program, super::Inspector) {
    inspected(&[&PROVIDERS[..], &["--inspect-file", path], more].concat())
}

/// What `SELECT` finds, asked with a second connection.
fn is_written(path: &str, words: &str) -> bool {
    std::fs::read(path)
        .is_ok_and(|bytes| bytes.windows(words.len()).any(|window| window == words.as_bytes()))
}

fn wait(what: &str, is_so: impl Fn() -> bool) {
    let started = std::time::Instant::now();
    while !is_so() {
        assert!(started.elapsed() < crate::program::PATIENCE, "never {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_killed_program_finds_its_deliveries_again_and_numbers_go_on() {
    let folder = Folder::new("inspect-file");
    let path = folder.0.join("inspect.db");
    let path = path.to_str().unwrap();
    let (program, inspector) = with_file(path, &[]);
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(hostwares("evt_kept", "deployment.completed").send(&program).status, 200);
    let forged = Delivery { headers: Vec::new(), ..piora("forged and kept") };
    let forged = forged.header("X-Odd", "ü and \u{85}");
    assert_eq!(forged.send(&program).status, 401);
    wait("written", || is_written(path, "forged and kept"));
    let mut before: Vec<Value> = (1..=2).map(|number| inspector.detail(number)).collect();
    // kill -9
    drop(program);

    let (mut program, inspector) = with_file(path, &[]);
    for (number, before) in (1..).zip(&mut before) {
        let after = inspector.detail(number);
        assert_eq!(after["restored"], true);
        before["restored"] = json!(true);
        assert_eq!(&after, before);
    }
    assert_eq!(piora("new").send(&program).status, 200);
    assert_eq!(inspector.row(3)["outcome"], "accepted");
    // What is kept is signed anew like any other, and explained.
    let why = inspector.get("/api/deliveries/2/why").json();
    assert_eq!(why["causes"][0]["cause"], "header_missing", "{why}");
    let answer = inspector.replay(2, &json!({ "to": "receiver" })).json();
    assert_eq!((&answer["number"], &answer["outcome"]), (&json!(4), &json!("accepted")));
    assert_eq!(program.stop(), Some(0));

    // A smaller history: the file is not larger.
    let (mut program, inspector) = with_file(path, &["--inspect-keep", "2"]);
    let numbers: Vec<_> = inspector.rows().iter().map(|row| row["number"].clone()).collect();
    assert_eq!(numbers, [4, 3]);
    assert_eq!(piora("newest").send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
    let (_program, inspector) = with_file(path, &[]);
    let numbers: Vec<_> = inspector.rows().iter().map(|row| row["number"].clone()).collect();
    assert_eq!(numbers, [5, 4]);
}

#[test]
fn what_is_forgotten_is_forgotten_in_the_file_too() {
    let folder = Folder::new("inspect-forgotten");
    let path = folder.0.join("inspect.db");
    let path = path.to_str().unwrap();
    let (mut program, inspector) = with_file(path, &[]);
    assert_eq!(piora("to be forgotten").send(&program).status, 200);
    assert_eq!(inspector.ask("DELETE", "/api/deliveries", &[super::OWN], "").status, 204);
    assert_eq!(piora("kept").send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
    assert!(!is_written(path, "to be forgotten"));
    let (_program, inspector) = with_file(path, &[]);
    assert_eq!(inspector.rows().len(), 1);
    assert_eq!(inspector.rows()[0]["number"], 2);
}

#[test]
fn a_file_that_is_gone_or_cannot_be_written_stops_no_delivery() {
    let folder = Folder::new("inspect-gone");
    let path = folder.0.join("inspect.db");
    let path = path.to_str().unwrap();
    let (mut program, inspector) = with_file(path, &[]);
    assert_eq!(piora("before").send(&program).status, 200);
    wait("written", || is_written(path, "before"));
    // Gone: it is made again, with everything that is kept.
    std::fs::remove_file(path).unwrap();
    assert_eq!(piora("after").send(&program).status, 200);
    wait("written again", || is_written(path, "before") && is_written(path, "after"));
    // Nothing that could be written.
    std::fs::remove_file(path).unwrap();
    std::fs::create_dir(path).unwrap();
    for nth in 0..10 {
        assert_eq!(piora(&format!("meanwhile {nth}")).send(&program).status, 200);
    }
    program.wait_for_log("cannot write the inspector's file");
    assert_eq!(inspector.rows().len(), 12);
    std::fs::remove_dir(path).unwrap();
    program.wait_for_log("can be written again");
    assert_eq!(program.stop(), Some(0));
    assert_eq!(program.stderr().matches("cannot write the inspector's file").count(), 1);
    let (_program, inspector) = with_file(path, &[]);
    assert_eq!(inspector.rows().len(), 12);
}

#[test]
fn only_an_own_file_is_used_and_by_one_program() {
    let folder = Folder::new("inspect-foreign");
    let refused = |path: &str| {
        let args =
            ["listen", "--addr=127.0.0.1:0", "--inspect=127.0.0.1:0", "--inspect-file", path];
        let mut child = command(&[&args[..], &PROVIDERS].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_eq!(end(&mut child).expect("it starts").code(), Some(1));
        std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
    };
    let path = folder.0.join("inspect.db");
    let path = path.to_str().unwrap();
    let (_program, _) = with_file(path, &[]);
    let said = refused(path);
    assert!(said.contains("another program has it open"), "{said}");
    let text =
        folder.file("text", "this is a text and no database, and it is long enough ".repeat(20));
    let said = refused(&text);
    assert!(said.contains("--inspect-file: cannot use"), "{said}");
    assert!(std::fs::read_to_string(&text).unwrap().starts_with("this is a text"));
    assert!(refused("/nowhere/inspect.db").contains("No such file"));
    // The store's own database is not one of these.
    let store = folder.0.join("store.db");
    let store = store.to_str().unwrap();
    let given = format!("sqlite:{store}");
    drop(inspected(&[&PROVIDERS[..], &["--store", &given]].concat()));
    let said = refused(store);
    assert!(said.contains("another program"), "{said}");
}

#[test]
fn the_file_of_config_has_an_inspector_too() {
    let folder = Folder::new("inspect-config");
    folder.file("token", "a token in a file\n");
    let config = folder.file(
        "countersign.toml",
        "[inspect]\naddr = \"127.0.0.1:0\"\nfile = \"seen.db\"\ntoken = \"file:token\"\nkeep = 7\n\
         [[endpoint]]\nid = \"piora\"\nprovider = \"piora\"\nsecrets = \"env:SECRET\"\n",
    );
    let args = ["listen", "--addr=127.0.0.1:0", "--config", &config];
    let program = crate::program::Program::spawn(command(&args));
    let inspector = super::Inspector::of(&program);
    assert_eq!(piora("configured").send(&program).status, 200);
    assert_eq!(inspector.get("/api/info").status, 401);
    let token = [("authorization", "Bearer a token in a file")];
    let info = inspector.ask("GET", "/api/info", &token, "").json();
    assert_eq!((&info["keeps"]["deliveries"], &info["kept"]["deliveries"]), (&json!(7), &json!(1)));
    wait("written", || is_written(folder.0.join("seen.db").to_str().unwrap(), "configured"));
}
