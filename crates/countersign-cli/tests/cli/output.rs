//! When stdout fails, and when it is not read.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Command;
use std::thread::spawn;
use std::time::Instant;

use serde_json::Value;

use crate::program::{PATIENCE, Program, command};
use crate::sender::{Delivery, piora};
use crate::target::Target;

const LISTEN: [&str; 4] = ["listen", "--addr=127.0.0.1:0", "--provider", "piora=env:SECRET"];

#[test]
fn what_cannot_be_printed_is_not_handled() {
    let path = std::env::temp_dir().join(format!("countersign-cli-fifo-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // Each side of a named pipe waits for the other to be opened.
    let reader = spawn({
        let path = path.clone();
        move || File::open(path).unwrap()
    });
    let writer = File::options().write(true).open(&path).unwrap();
    let reader = reader.join().unwrap();
    let mut program = Program::spawn_onto(command(&LISTEN), writer);

    drop(reader);
    // A process that another test is just starting may hold the reader for a moment.
    let started = Instant::now();
    let mut deliveries = (0..).map(|nth| piora(&format!("unread {nth}")));
    let unread = deliveries.find(|delivery| {
        assert!(started.elapsed() < PATIENCE, "printing without a reader never fails");
        delivery.send(&program).status == 500
    });
    let delivery = unread.unwrap();
    assert_eq!(delivery.send(&program).status, 500);
    assert!(program.is_running());

    let mut lines = BufReader::new(File::open(&path).unwrap()).lines().map(Result::unwrap);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(delivery.send(&program).status, 200);
    let line = lines.find(|line| line.contains(&delivery.body)).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["outcome"], "accepted", "{line}");
    assert_eq!(delivery.send(&program).status, 200);
    assert!(lines.next().unwrap().contains("duplicate"));
    assert_eq!(program.stop(), Some(0));
    let said = program.stderr();
    assert_eq!(said.matches("cannot write to stdout").count(), 1, "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_forwarded_event_is_handled_whether_printed_or_not() {
    let target = Target::new(|_| "200 OK");
    let mut command = command(&LISTEN);
    command.args(["--forward-to", &target.url]);
    let (program, reader) = Program::spawn_unread(command);
    drop(reader);
    let delivery = piora("forwarded");
    for _ in 0..2 {
        assert_eq!(delivery.send(&program).status, 200);
    }
    target.next();
    target.nothing_more();
}

#[test]
fn a_reader_that_does_not_read_stops_neither_the_server_nor_the_second_signal() {
    let (mut program, _reader) = Program::spawn_unread(command(&LISTEN));
    // More than a pipe holds, in more deliveries than there are threads.
    let large = "x".repeat(100_000);
    let waiting: Vec<_> =
        (0..16).map(|nth| piora(&format!("{nth}{large}")).open(program.addr)).collect();
    let elsewhere = Delivery { path: "/".to_owned(), ..piora("") };
    assert_eq!(elsewhere.send(&program).status, 404);
    program.signal("TERM");
    program.wait_until_stopping();
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(143));
    drop(waiting);
}
