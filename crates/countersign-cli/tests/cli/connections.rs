//! Connections that keep others out.

use std::io::Read as _;
use std::net::TcpStream;

use crate::program::{Program, command, in_shell};
use crate::sender::{connect, piora, read_answer};
use crate::target::Target;

const LISTEN: [&str; 4] = ["listen", "--addr=127.0.0.1:0", "--provider", "piora=env:SECRET"];

fn open(program: &Program, count: usize, head: &str) -> Vec<TcpStream> {
    (0..count).map(|_| connect(program.addr, head)).collect()
}

#[test]
fn half_heads_do_not_keep_others_out() {
    let mut program = Program::spawn(in_shell("ulimit -n 48;", &command(&LISTEN), ""));
    program.wait_for_log("connections=24");
    let halves = open(&program, 60, "POST /webhooks/piora HTTP/1.1\r\nhost: h\r\n");
    assert_eq!(piora("behind them").send(&program).status, 200);
    program.wait_for_log("slow connections are closed");
    // The oldest ones have made room.
    for mut half in halves.into_iter().take(10) {
        assert!(!matches!(half.read(&mut [0]), Ok(1..)), "answered");
    }
    assert_eq!(program.stop(), Some(0));
    assert!(!program.stderr().contains("cannot accept"), "{}", program.stderr());
}

/// Somebody who looks at deliveries wants the bodies of refused ones too, and waits for them a moment.
#[test]
fn half_bodies_that_an_inspector_waits_for_do_not_keep_others_out() {
    let mut listen = command(&LISTEN);
    listen.arg("--inspect=127.0.0.1:0");
    let program = Program::spawn(in_shell("ulimit -n 96;", &listen, ""));
    program.wait_for_log("connections=48");
    let unsigned = "POST /webhooks/piora HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{";
    let halves = open(&program, 150, unsigned);
    for nth in 0..10 {
        assert_eq!(piora(&format!("behind them {nth}")).send(&program).status, 200);
    }
    assert!(!program.stderr().contains("cannot accept"), "{}", program.stderr());
    drop(halves);
}

#[test]
fn silent_connections_leave_files_for_the_program() {
    let target = Target::new(|_| "200 OK");
    let mut listen = command(&LISTEN);
    listen.args(["--forward-to", &target.url]);
    let program = Program::spawn(in_shell("ulimit -n 256;", &listen, ""));
    program.wait_for_log("connections=96");
    let silent = open(&program, 300, "");
    let deliveries: Vec<_> = (0..40).map(|nth| piora(&format!("{nth}"))).collect();
    let answers: Vec<_> = deliveries.iter().map(|delivery| delivery.open(program.addr)).collect();
    for answer in answers {
        assert_eq!(read_answer(answer).status, 200);
    }
    assert!(!program.stderr().contains("cannot accept"), "{}", program.stderr());
    drop(silent);
}

#[test]
fn deliveries_wait_while_all_places_are_taken_by_others() {
    let (target, gate) = Target::gated();
    let mut listen = command(&LISTEN);
    listen.args(["--forward-to", &target.url]);
    let program = Program::spawn(in_shell("ulimit -n 48;", &listen, ""));
    program.wait_for_log("connections=12");
    let deliveries = (0..13).map(|nth| piora(&format!("{nth}")));
    let answers: Vec<_> = deliveries.map(|delivery| delivery.open(program.addr)).collect();
    program.wait_for_log("all places are taken by deliveries");
    for _ in 0..12 {
        target.next();
    }
    target.nothing_more();
    (0..13).for_each(|_| gate.send(()).unwrap());
    for answer in answers {
        assert_eq!(read_answer(answer).status, 200);
    }
}

#[test]
fn the_limit_of_open_files_is_raised_as_far_as_allowed() {
    for (limits, connections) in [
        ("ulimit -S -n 64; ulimit -H -n 300;", "connections=236"),
        ("ulimit -S -n 64;", "connections=1024"),
    ] {
        let program = Program::spawn(in_shell(limits, &command(&LISTEN), ""));
        program.wait_for_log(connections);
    }
}

#[test]
fn a_head_without_end_is_refused() {
    let program = Program::spawn(command(&LISTEN));
    let head = format!("POST / HTTP/1.1\r\nhost: h\r\nx: {}", "x".repeat(70_000));
    assert_eq!(read_answer(connect(program.addr, &head)).status, 431);
}
