//! When stdout fails, and when it is not read.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{PATIENCE, Program, command};
use crate::sender::{Delivery, piora, read_answer};
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

/// More lines than a pipe and the queue hold.
const MANY: usize = 3000;

fn send_unsigned(addr: SocketAddr, requests: usize) {
    let unsigned = Delivery { headers: Vec::new(), ..piora("unsigned") };
    for _ in 0..requests {
        assert_eq!(read_answer(unsigned.open(addr)).status, 401);
    }
}

/// Sends a delivery twice. One of them waits for its line, whose stream is returned; the other one
/// is told so.
fn open_waiting(delivery: &Delivery, program: &Program) -> TcpStream {
    let [first, second] = [(); 2].map(|()| delivery.open(program.addr));
    let started = Instant::now();
    let (told, waiting) = loop {
        assert!(started.elapsed() < PATIENCE, "no answer");
        if is_answered(&first) {
            break (first, second);
        }
        if is_answered(&second) {
            break (second, first);
        }
    };
    assert_eq!(read_answer(told).status, 503);
    waiting
}

fn is_answered(stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let answered = stream.peek(&mut [0]).is_ok();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    answered
}

/// How many lines were dropped, as far as it was said, and how often it was said.
fn dropped(program: &Program) -> (usize, usize) {
    let said = program.stderr();
    let dropped = said.lines().filter(|line| line.contains("lines were dropped"));
    let counts: Vec<usize> =
        dropped.map(|line| line.rsplit('=').next().unwrap().parse().unwrap()).collect();
    (counts.iter().sum(), counts.len())
}

#[test]
fn unsigned_requests_do_not_stop_forwarding_though_nobody_reads() {
    let target = Target::new(|_| "200 OK");
    let mut command = command(&LISTEN);
    command.args(["--forward-to", &target.url]);
    let (mut program, _reader) = Program::spawn_unread(command);
    send_unsigned(program.addr, MANY);
    assert_eq!(piora("genuine").send(&program).status, 200);
    target.next();
    program.wait_for_log("lines were dropped");
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn what_waits_for_a_reader_is_not_handled_at_the_end() {
    let (mut program, _reader) = Program::spawn_unread(command(&LISTEN));
    send_unsigned(program.addr, MANY);
    let delivery = piora("waiting");
    let waiting = open_waiting(&delivery, &program);
    program.signal("TERM");
    assert_eq!(read_answer(waiting).status, 500);
    assert_eq!(program.wait().code(), Some(0));
    assert!(program.stderr().contains("webhook not handled"), "{}", program.stderr());
}

#[test]
fn a_delivery_gets_through_a_flood_once_somebody_reads() {
    let (mut program, reader) = Program::spawn_unread(command(&LISTEN));
    send_unsigned(program.addr, MANY);
    let delivery = piora("waiting");
    let waiting = open_waiting(&delivery, &program);

    let (addr, answered) = (program.addr, Arc::new(AtomicBool::new(false)));
    let flood = spawn({
        let answered = Arc::clone(&answered);
        move || {
            let mut sent = 0;
            while !answered.load(Ordering::Relaxed) {
                send_unsigned(addr, 10);
                sent += 10;
            }
            sent
        }
    });
    let lines = spawn(|| BufReader::new(reader).lines().map(Result::unwrap).collect());
    assert_eq!(read_answer(waiting).status, 200);
    answered.store(true, Ordering::Relaxed);
    let sent = MANY + 2 + flood.join().unwrap();
    assert_eq!(program.stop(), Some(0));
    let lines: Vec<String> = lines.join().unwrap();
    let accepted = lines.iter().filter(|line| line.contains(&delivery.body));
    assert_eq!(accepted.count(), 1);
    // No line is missing that is not said to be.
    let started = Instant::now();
    while lines.len() + dropped(&program).0 < sent {
        assert!(started.elapsed() < PATIENCE, "{} lines; {}", lines.len(), program.stderr());
        sleep(Duration::from_millis(10));
    }
    let (count, said) = dropped(&program);
    assert_eq!(lines.len() + count, sent);
    assert!((1..20).contains(&said), "{}", program.stderr());
}

#[test]
fn lines_that_wait_are_written_at_the_end() {
    let (mut program, reader) = Program::spawn_unread(command(&LISTEN));
    send_unsigned(program.addr, 1000);
    program.signal("TERM");
    program.wait_until_stopping();
    assert_eq!(BufReader::new(reader).lines().count(), 1000);
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(dropped(&program), (0, 0));
}
