//! SIGHUP: secrets are read again, and nothing stops.

use std::fs;
use std::process::Command;

use countersign::providers::piora::provider;

use crate::config::Folder;
use crate::program::{Program, command, in_shell};
use crate::sender::{Delivery, now};

/// A delivery that is signed with this secret.
fn signed(secret: &str, mark: &str) -> Delivery {
    let body =
        format!(r#"{{"event":"server.alert","timestamp":"{}","data":{{"mark":"{mark}"}}}}"#, now());
    Delivery::signed("piora", &provider(), secret, &body)
}

/// The line of the next reload.
fn reread(program: &Program) -> serde_json::Value {
    program.signal("HUP");
    program.line()
}

#[test]
fn secrets_change_at_sighup_and_a_bad_one_keeps_the_last() {
    let folder = Folder::with("");
    let (file, env) = (folder.path("secret"), folder.path("variables"));
    fs::write(&file, "old in the file\n").unwrap();
    fs::write(&env, "# of the test\nexport SECRET=\"old in the variable\"\n").unwrap();
    let provider = format!("piora=file:{},env:SECRET", file.display());
    let args = ["--provider", &provider, "--env-file", env.to_str().unwrap()];
    let listen = [&["listen", "--addr", "127.0.0.1:0"], &args[..]].concat();
    // As `nohup` starts it.
    let mut program = Program::spawn(in_shell("trap '' HUP;", &command(&listen), ""));
    let send = |secret: &str, mark: &str| {
        let status = signed(secret, mark).send(&program).status;
        let line = program.line();
        assert_eq!(line["status"], status, "{line}");
        status
    };
    assert_eq!(send("old in the file", "1"), 200);
    assert_eq!(send("old in the variable", "2"), 200);
    assert_eq!(send("new in the file", "3"), 401);

    fs::write(&file, "new in the file\n").unwrap();
    fs::write(&env, "SECRET='new in the variable'\n").unwrap();
    let line = reread(&program);
    assert_eq!(line["outcome"], "secrets_read", "{line}");
    assert_eq!(line["endpoint"], "piora");
    assert_eq!(line["from_environment"], serde_json::json!([]));
    assert_eq!(send("new in the file", "4"), 200);
    assert_eq!(send("new in the variable", "5"), 200);
    assert_eq!(send("old in the file", "6"), 401);
    assert_eq!(send("old in the variable", "7"), 401);

    // At the end of a rotation.
    fs::write(&env, "SECRET=\n").unwrap();
    assert_eq!(reread(&program)["outcome"], "secrets_read");
    assert_eq!(send("new in the variable", "over"), 401);
    assert_eq!(send("new in the file", "goes on"), 200);

    for (nth, bad) in ["", "SECRET=\"half of it", "this is the secret"].into_iter().enumerate() {
        fs::write(&env, bad).unwrap();
        let line = reread(&program);
        let expected = if bad.is_empty() { "secrets_read" } else { "secrets_kept" };
        assert_eq!(line["outcome"], expected, "{line}");
        assert_eq!(send("new in the file", &format!("good {nth}")), 200);
    }
    // Without a line in the file it is the environment's.
    assert_eq!(send(crate::program::SECRET, "8"), 200);
    fs::remove_file(&file).unwrap();
    assert_eq!(reread(&program)["outcome"], "secrets_kept");
    assert_eq!(send("new in the file", "9"), 200);
    let said = program.stderr();
    assert!(said.contains("piora: secrets are read again: file:"), "{said}");
    assert!(said.contains("piora: the last good secrets stay: "), "{said}");
    assert!(said.contains("env:SECRET cannot change while the program runs"), "{said}");
    for secret in ["in the file", "in the variable", "half of it", "this is the secret"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn the_secrets_of_the_file_are_read_again_and_endpoints_do_not_wait_for_each_other() {
    let folder = Folder::with(
        r#"
        env-file = "variables"
        [[endpoint]]
        id = "piora"
        provider = "piora"
        secrets = "env:OF_PIORA"
        [[endpoint]]
        id = "other"
        provider = "piora"
        secrets = "file:secret"
        "#,
    );
    fs::write(folder.path("variables"), "OF_PIORA=old\n").unwrap();
    fs::write(folder.path("secret"), "old\n").unwrap();
    let mut program = folder.listen(&[]);
    fs::write(folder.path("variables"), "OF_PIORA=new\n").unwrap();
    fs::write(folder.path("secret"), "").unwrap();
    let first = reread(&program);
    let second = program.line();
    assert_eq!((&first["endpoint"], &first["outcome"]), (&"piora".into(), &"secrets_read".into()));
    assert_eq!(
        (&second["endpoint"], &second["outcome"]),
        (&"other".into(), &"secrets_kept".into())
    );
    assert_eq!(signed("new", "1").send(&program).status, 200);
    let mut kept = signed("old", "2");
    kept.path = "/webhooks/other".to_owned();
    assert_eq!(kept.send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
}

/// A pipe is a secret's place for one start: nobody writes to it again.
#[test]
fn what_is_no_regular_file_keeps_its_secret_and_stops_no_reload() {
    let folder = Folder::with("");
    let (pipe, file) = (folder.path("pipe"), folder.path("secret"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::write(&file, "old in the file\n").unwrap();
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "of the pipe\n").unwrap()
    });
    let of_pipe = format!("piora=file:{}", pipe.display());
    let of_file = format!("hostwares=file:{}", file.display());
    let program = Program::listen(&["--provider", &of_pipe, "--provider", &of_file]);
    writer.join().unwrap();
    for _ in 0..2 {
        let kept = reread(&program);
        assert_eq!(kept["outcome"], "secrets_kept", "{kept}");
        let problem = kept["problem"].as_str().unwrap();
        assert!(
            problem.ends_with("/pipe is no regular file, and is read at the start only"),
            "{problem}"
        );
        assert_eq!(program.line()["outcome"], "secrets_read");
    }
    assert_eq!(signed("of the pipe", "1").send(&program).status, 200);
}
