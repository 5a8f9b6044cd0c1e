//! Signals: what runs is finished, and nothing else is waited for.

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::program::{Program, command, end};
use crate::sender::{connect, hang_up, piora, read_answer};
use crate::target::Target;

fn forwarding(target: &Target) -> Program {
    Program::listen(&["--provider", "piora=env:SECRET", "--forward-to", &target.url])
}

#[test]
fn a_running_delivery_is_finished() {
    for signal in ["TERM", "INT"] {
        let (target, open) = Target::gated();
        let mut program = forwarding(&target);
        let stream = piora("running").open(program.addr);
        target.next();
        program.signal(signal);
        program.wait_until_stopping();
        while TcpStream::connect(program.addr).is_ok() {
            sleep(Duration::from_millis(10));
        }
        assert!(program.is_running());
        open.send(()).unwrap();
        assert_eq!(read_answer(stream).status, 200);
        assert_eq!(program.wait().code(), Some(0));
        assert_eq!(program.line()["outcome"], "accepted");
        program.no_more_lines();
    }
}

#[test]
fn a_running_delivery_is_finished_though_its_sender_hung_up() {
    let (target, open) = Target::gated();
    let mut program = forwarding(&target);
    let stream = piora("hung up").open(program.addr);
    target.next();
    hang_up(stream);
    program.signal("TERM");
    program.wait_until_stopping();
    assert!(program.is_running());
    open.send(()).unwrap();
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(program.line()["outcome"], "accepted");
    program.no_more_lines();
}

#[test]
fn a_second_signal_does_not_wait() {
    let (target, _open) = Target::gated();
    let mut program = forwarding(&target);
    let _stream = piora("running").open(program.addr);
    target.next();
    program.signal("INT");
    program.wait_until_stopping();
    program.signal("INT");
    assert_eq!(program.wait().code(), Some(130));
}

#[test]
fn the_end_takes_no_longer_than_it_may() {
    let (target, _open) = Target::gated();
    let args = ["--provider", "piora=env:SECRET", "--forward-to", &target.url];
    let mut program = Program::listen(&[&args[..], &["--shutdown-timeout", "1s"]].concat());
    let _stream = piora("never answered").open(program.addr);
    target.next();
    let started = Instant::now();
    assert_eq!(program.stop(), Some(1));
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    program.wait_for_log("ended by --shutdown-timeout");
    assert!(program.stderr().contains("handling=1"), "{}", program.stderr());
}

#[test]
fn an_end_that_cuts_nothing_off_is_a_good_one() {
    let mut program =
        Program::listen(&["--provider", "piora=env:SECRET", "--shutdown-timeout", "0s"]);
    let _half = connect(program.addr, "POST /webhooks/piora HTTP/1.1\r\nhost: h\r\n");
    assert_eq!(piora("handled").send(&program).status, 200);
    assert_eq!(program.stop(), Some(0));
}

#[test]
fn a_store_that_does_not_answer_at_the_start_does_not_hold_up_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("redis://{}", silent.local_addr().unwrap());
    let mut command = command(&["listen", "--provider", "piora=env:SECRET", "--store", &store]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It takes signals by now.
    let connection = silent.accept().unwrap();
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(kill.unwrap().success());
    assert_eq!(end(&mut child).and_then(|status| status.code()), Some(0));
    drop(connection);
}

#[test]
fn connections_that_say_nothing_are_not_waited_for_long() {
    let mut program = Program::listen(&["--provider", "piora=env:SECRET"]);
    let _silent = connect(program.addr, "");
    let _half = connect(program.addr, "POST /webhooks/piora HTTP/1.1\r\nhost: h\r\n");
    let slow = piora("slow");
    let _slow = slow.open_head(program.addr, slow.body.len());
    assert_eq!(piora("one").send(&program).status, 200);
    let started = Instant::now();
    assert_eq!(program.stop(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}
