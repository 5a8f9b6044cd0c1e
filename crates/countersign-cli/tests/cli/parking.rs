//! `--park-after`, and `park` of an endpoint in the file: an event that fails too often is parked, is shown as
//! that everywhere, and is handled when it was forgotten.

use std::process::Command;

use serde_json::json;

use crate::config::Folder;
use crate::inspect::inspected;
use crate::program::{Program, command};
use crate::sender::hostwares;
use crate::store::id;
use crate::target::Target;

const BAD: &str = "422 Unprocessable Content";

/// A file for events, which goes with the test.
struct File(std::path::PathBuf);

impl File {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("countersign-parking-{}.db", id())))
    }

    fn store(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }

    fn ask(&self, args: &[&str]) -> String {
        let mut store: Command = command(&[&["store", "env:STORE"], args].concat());
        let output = store.env("STORE", self.store()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

#[test]
fn an_event_is_parked_shown_and_handled_after_it_was_forgotten() {
    let file = File::new();
    let target = Target::new(|nth| if nth < 3 { BAD } else { "200 OK" });
    let (store, url) = (file.store(), &*target.url);
    let listen = ["--store", &store, "--forward-to", url, "--park-after", "3"];
    let mut program =
        Program::listen(&[&["--provider", "hostwares=env:SECRET"], &listen[..]].concat());
    let event = hostwares("evt_parked", "invoice.paid");
    for _ in 0..2 {
        assert_eq!(event.send(&program).status, 422);
        assert_eq!(program.line()["outcome"], "failed");
    }
    let answer = event.send(&program);
    assert_eq!(answer.status, 200);
    assert!(answer.head.ends_with(r#"{"status":"parked"}"#), "{}", answer.head);
    let line = program.line();
    for (name, value) in [
        ("outcome", json!("parked")),
        ("status", json!(200)),
        ("reason", json!("parked")),
        ("event", json!("invoice.paid")),
        ("id", json!("evt_parked")),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!(line["forward"]["status"], 422, "{line}");
    assert!(line.get("payload").is_none(), "{line}");
    assert_eq!(event.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "duplicate");

    // While it runs.
    let key = line["key"].as_str().unwrap();
    let parked = file.ask(&["parked"]);
    assert!(parked.starts_with(key), "{parked}");
    let said = " hostwares invoice.paid evt_parked, attempts: 3: your program answered 422\n";
    assert!(parked.ends_with(said), "{parked}");
    assert!(file.ask(&["stats"]).contains("\nparked     1  "));
    assert!(file.ask(&["forget", key]).contains("is forgotten"));
    assert_eq!(event.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "accepted");
    assert_eq!(program.stop(), Some(0));
}

/// The reason is what went wrong, and not the status that stands for it.
#[test]
fn a_program_that_is_not_there_is_the_reason() {
    let (file, folder) = (
        File::new(),
        Folder::with(
            r#"
        [[endpoint]]
        id = "shop"
        provider = "hostwares"
        secrets = "env:SECRET"
        park = { after = 1, keep-for = "90d" }
        "#,
        ),
    );
    let nobody = "http://127.0.0.1:1/?key=a-key";
    let program = folder.listen(&["--store", &file.store(), "--forward-to", nobody]);
    let mut event = hostwares("evt_1", "invoice.paid");
    event.path = "/webhooks/shop".to_owned();
    assert_eq!(event.send(&program).status, 200);
    assert_eq!(program.line()["outcome"], "parked");
    let parked = file.ask(&["parked"]);
    assert!(
        parked.contains("shop invoice.paid evt_1, attempts: 1: your program cannot be reached: "),
        "{parked}"
    );
    assert!(!parked.contains("a-key"), "{parked}");
    let shown = file.ask(&["show", &parked[..32]]);
    assert!(
        shown.contains("attempts: 1: your program") && shown.contains("kept for 89d 23h"),
        "{shown}"
    );
    // From the lines of `parked`, of one endpoint.
    let json = file.ask(&["parked", "--json"]);
    let forget = |endpoint: &str| {
        let mut forget: Command =
            command(&["store", "env:STORE", "forget", "-", "--endpoint", endpoint]);
        forget.env("STORE", file.store()).stdin(std::process::Stdio::piped());
        let mut forget = forget.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut forget.stdin.take().unwrap(), json.as_bytes()).unwrap();
        String::from_utf8(forget.wait_with_output().unwrap().stdout).unwrap()
    };
    assert_eq!(forget("hostwares"), "");
    assert!(forget("shop").contains("is forgotten"));
}

/// It is answered 200, and was not handled.
#[test]
fn trigger_is_not_content_with_it() {
    let target = Target::new(|_| BAD);
    for (after, args, said) in [
        ("1", &[][..], "WRONG: parked, because its handler failed; the delivery is genuine"),
        ("3", &["--retries", "--speed", "10000x"], "parked at attempt 3: not handled"),
    ] {
        let listen = ["--provider", "hostwares=env:SECRET", "--forward-to", &target.url];
        let program = Program::listen(&[&listen[..], &["--park-after", after]].concat());
        let to = format!("http://{}/webhooks/hostwares", program.addr);
        let trigger = ["trigger", "hostwares", "--to", &to, "--secret", "env:SECRET"];
        let output = command(&[&trigger[..], args].concat()).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains(said), "{printed}");
    }
}

/// The command line's number wins over that of the file; the rest of `park` stays.
#[test]
fn the_command_line_wins() {
    let folder = Folder::with(
        r#"
        [[endpoint]]
        id = "a"
        provider = "hostwares"
        secrets = "env:SECRET"
        park = { after = 10, no-sooner-than = "6h" }

        [[endpoint]]
        id = "b"
        provider = "hostwares"
        secrets = "env:SECRET"
        "#,
    );
    let output = folder.command(&["--check", "--park-after", "2"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = said.lines().filter(|line| line.contains("parking")).collect();
    let expected = [
        "  parking   after 2 failed attempts, no sooner than 6h, kept for 30d",
        "  parking   after 2 failed attempts, kept for 30d",
    ];
    assert_eq!(lines, expected);
    let args = ["listen", "--check", "--provider", "dropbox=env:SECRET", "--park-after", "2"];
    let output = command(&args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--provider dropbox: an event of dropbox is forgotten"), "{said}");
    let output = command(&[&args[..5], &["0"]].concat()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_inspector_shows_it_and_remembers_it() {
    let target = Target::new(|_| BAD);
    let file = File::new();
    let kept = file.0.to_str().unwrap();
    let args = ["--provider", "hostwares=env:SECRET", "--forward-to", &target.url];
    let args = [&args[..], &["--park-after", "1", "--inspect-file", kept]].concat();
    let (mut program, inspector) = inspected(&args);
    assert_eq!(hostwares("evt_1", "invoice.paid").send(&program).status, 200);
    let is_shown = |inspector: crate::inspect::Inspector| {
        inspector.wait_until("parked", |rows| rows.iter().any(|row| row["outcome"] == "parked"));
        let row = inspector.row(1);
        assert_eq!((&row["status"], &row["reason"]), (&json!(200), &json!("parked")), "{row}");
        let says = row["says"].as_str().unwrap();
        assert!(says.contains("answered 422. The event is parked: "), "{says}");
        let why = inspector.get("/api/deliveries/1/why").json();
        assert_eq!((&why["genuine"], &why["causes"]), (&json!(true), &json!([])));
    };
    is_shown(inspector);
    let filtered = inspector.get("/api/deliveries?outcome=parked").json();
    assert_eq!(filtered["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(program.stop(), Some(0));
    let (_program, inspector) = inspected(&args);
    is_shown(inspector);
}
