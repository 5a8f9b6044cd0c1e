//! A standard output that cannot be written.

use std::process::{Command, Stdio};

use crate::program::{Program, command, end, in_shell};
use crate::sender::piora;
use crate::target::Target;

const LISTEN: [&str; 4] = ["listen", "--addr=127.0.0.1:0", "--provider", "piora=env:SECRET"];

/// Does not start; gives what is on stderr.
fn refused(mut command: Command) -> String {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let status = end(&mut child).expect("it has started");
    assert_eq!(status.code(), Some(1));
    std::io::read_to_string(child.stderr.take().unwrap()).unwrap()
}

#[test]
fn an_event_that_cannot_be_printed_anywhere_is_never_accepted() {
    for (stdout, why) in [
        (">&-", "stdout is closed"),
        ("<&- >&-", "stdout is closed"),
        ("1<>/dev/null", "stdout is closed, or it is /dev/null opened for reading and writing"),
        ("1</dev/null", "stdout is open for reading only"),
        ("1</", "stdout is open for reading only"),
    ] {
        let said = refused(in_shell("", &command(&LISTEN), stdout));
        assert!(said.contains(why), "{stdout}: {said}");
        assert_eq!(said.lines().count(), 1, "{stdout}: {said}");
    }
}

#[test]
fn an_output_that_is_thrown_away_on_purpose_is_fine() {
    let mut by_shell = Program::spawn(in_shell("", &command(&LISTEN), ">/dev/null"));
    assert_eq!(piora("one").send(&by_shell).status, 200);
    assert_eq!(by_shell.stop(), Some(0));
    let mut by_parent = Program::spawn_onto(command(&LISTEN), Stdio::null());
    assert_eq!(piora("one").send(&by_parent).status, 200);
    assert_eq!(by_parent.stop(), Some(0));
}

#[test]
fn a_full_disk_is_not_a_handled_event() {
    let program = Program::spawn(in_shell("", &command(&LISTEN), ">/dev/full"));
    for _ in 0..2 {
        assert_eq!(piora("full").send(&program).status, 500);
    }
    program.wait_for_log("No space left on device");
}

#[test]
fn lines_that_only_report_need_no_stdout() {
    let target = Target::new(|_| "200 OK");
    let mut listen = command(&LISTEN);
    listen.args(["--forward-to", &target.url]);
    for stdout in [">&-", "1</dev/null"] {
        let program = Program::spawn(in_shell("", &listen, stdout));
        assert_eq!(piora(stdout).send(&program).status, 200);
        target.next();
        if stdout == "1</dev/null" {
            program.wait_for_log("cannot write to stdout error=Bad file descriptor");
        }
    }
}
