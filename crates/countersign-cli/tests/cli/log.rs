//! A standard error that nobody reads.

use std::io::BufRead as _;

use crate::program::{Program, command};
use crate::sender::{Delivery, piora, read_answer};

/// With more lines than a pipe and the queue hold, and nobody to read them.
fn unread() -> (Program, impl Iterator<Item = String>) {
    let mut command = command(&["listen", "--addr=127.0.0.1:0", "--provider", "piora=env:SECRET"]);
    command.env("RUST_LOG", "debug");
    let (program, log) = Program::spawn_with_unread_log(command);
    let unsigned = Delivery { headers: Vec::new(), ..piora("unsigned") };
    for _ in 0..2000 {
        assert_eq!(read_answer(unsigned.open(program.addr)).status, 401);
    }
    (program, log.lines().map(Result::unwrap))
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let (mut program, _log) = unread();
    assert_eq!(piora("genuine").send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn a_log_that_is_read_again_says_what_is_missing() {
    let (mut program, mut log) = unread();
    let missing = log.find(|line| line.contains("log lines are missing here"));
    assert!(missing.is_some());
    // Nothing is missing from what comes after.
    assert_eq!(piora("genuine").send(&program).status, 200);
    program.signal("TERM");
    assert!(log.any(|line| line.contains("stopping")));
    assert_eq!(program.wait().code(), Some(0));
}
