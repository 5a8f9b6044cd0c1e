//! The lines of `countersign listen` where standard output is a terminal.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread::spawn;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::program::{PATIENCE, Program, SECRET, command};
use crate::sender::{Delivery, connect, hostwares, piora, read_answer};
use crate::target::Target;

/// The program on a terminal, and what a person sees there.
struct Screen {
    program: Program,
    lines: Receiver<String>,
}

impl Screen {
    fn listen(args: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let end = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let mut command = command(&[&["listen", "--addr", "127.0.0.1:0"], args].concat());
        command.env("NO_COLOR", "1");
        let program = Program::spawn_onto(command, Stdio::from(end));
        let (sender, lines) = channel();
        spawn(move || {
            // Its end is an error: the other side is closed.
            for line in BufReader::new(File::from(terminal)).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { program, lines }
    }

    /// The next line, without its time of day, and with a single space between the columns. Why
    /// something was refused is not of these: it is found out beside them.
    fn line(&self) -> String {
        let next = || self.lines.recv_timeout(PATIENCE).expect("no line on the terminal");
        let line = std::iter::repeat_with(next).find(|line| !line.contains("  why: ")).unwrap();
        let mut words = line.split_whitespace();
        let time = words.next().unwrap();
        assert!(
            time.len() == 8 && time.bytes().filter(|byte| *byte == b':').count() == 2,
            "{line}"
        );
        words.collect::<Vec<_>>().join(" ")
    }

    /// The same without how long it took.
    fn without_duration(&self) -> String {
        let line = self.line();
        let (before, after) = line.split_once(" in ").expect("no duration");
        let (_, after) = after.split_once('s').unwrap();
        format!("{before}{after}")
    }
}

#[test]
fn each_request_is_a_line_that_a_person_reads() {
    let screen = Screen::listen(&["--provider", "piora=env:SECRET"]);
    let genuine = piora("one");
    assert_eq!(genuine.send(&screen.program).status, 200);
    assert_eq!(screen.without_duration(), "piora server.alert accepted 200");
    assert_eq!(genuine.send(&screen.program).status, 200);
    assert_eq!(screen.without_duration(), "piora server.alert duplicate 200");
    let mut unsigned = piora("two");
    unsigned.headers.clear();
    assert_eq!(unsigned.send(&screen.program).status, 401);
    assert_eq!(
        screen.without_duration(),
        "piora - refused 401 The header of the signature is missing. (signature_missing)"
    );
    for (request, said) in [
        (
            "GET /webhooks/piora",
            "piora - refused 405 The endpoint does not accept this method. (method_not_allowed)",
        ),
        (
            "POST /webhook/piora",
            "- POST /webhook/piora not found 404 No endpoint has this path; is it /webhooks/piora?",
        ),
        ("POST /hook", "- POST /hook not found 404 No endpoint has this path."),
    ] {
        let head = format!("{request} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        read_answer(connect(screen.program.addr, &head));
        assert_eq!(screen.without_duration(), said);
    }
}

#[test]
fn a_program_that_is_not_there_and_one_that_refuses_are_told_apart() {
    let refusing = Target::new(|_| "422 Unprocessable Content");
    let screen = Screen::listen(&["--provider", "piora=env:SECRET", "--forward-to", &refusing.url]);
    assert_eq!(piora("refused").send(&screen.program).status, 422);
    let said = format!("Your program at {} answered 422.", refusing.url);
    assert_eq!(screen.without_duration(), format!("piora server.alert not handled 422 {said}"));

    // Nobody listens there.
    let url = "http://127.0.0.1:1/";
    let screen = Screen::listen(&["--provider", "piora=env:SECRET", "--forward-to", url]);
    assert_eq!(piora("unreachable").send(&screen.program).status, 502);
    let line = screen.without_duration();
    let said =
        format!("piora server.alert unreachable 502 Your program cannot be reached at {url}: ");
    assert!(line.starts_with(&said), "{line}");
    assert!(line.contains("refused"), "{line}");
}

#[test]
fn a_parked_event_has_its_word() {
    let refusing = Target::new(|_| "422 Unprocessable Content");
    let args = ["--provider", "piora=env:SECRET", "--forward-to", &refusing.url];
    let screen = Screen::listen(&[&args[..], &["--park-after", "1"]].concat());
    assert_eq!(piora("parked").send(&screen.program).status, 200);
    let said = format!(
        "piora server.alert parked 200 Your program at {} answered 422. The event is parked: it failed \
         too often, and an operator decides.",
        refusing.url
    );
    assert_eq!(screen.without_duration(), said);
}

#[test]
fn a_second_line_says_why_a_delivery_is_refused() {
    let screen = Screen::listen(&["--provider", "piora=env:SECRET"]);
    let with_line_end = |mut delivery: Delivery| {
        delivery.body.push('\n');
        delivery
    };
    assert_eq!(with_line_end(piora("one")).send(&screen.program).status, 401);
    let next = || screen.lines.recv_timeout(PATIENCE).expect("no line on the terminal");
    assert!(next().contains("(signature_mismatch)"));
    let why = next();
    assert!(why.contains("  piora             why: A line end was added after the body;"), "{why}");
    assert!(why.contains(" What to do: ") && !why.contains(SECRET), "{why}");
    // A flood of the same is not explained each time, and holds up nobody.
    for nth in 0..50 {
        assert_eq!(with_line_end(piora(&format!("{nth}"))).send(&screen.program).status, 401);
    }
    assert_eq!(piora("genuine").send(&screen.program).status, 200);
    let lines: Vec<_> =
        std::iter::repeat_with(next).take_while(|line| !line.contains("accepted")).collect();
    assert!(lines.iter().filter(|line| line.contains("  why: ")).count() < 25, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| line.contains("refused")).count(), 50, "{lines:?}");
}

#[test]
fn what_a_sender_wrote_does_not_command_the_terminal() {
    let screen = Screen::listen(&["--provider", "hostwares=env:SECRET"]);
    let hostile = hostwares("1", "a\\u001b[2Jb\\u202ec\\nd");
    assert_eq!(hostile.send(&screen.program).status, 200);
    let said = "hostwares a\\u{1b}[2Jb\\u{202e}c\\u{a}d accepted 200";
    assert_eq!(screen.without_duration(), said);
}

#[test]
fn json_can_be_asked_for_on_a_terminal() {
    let screen = Screen::listen(&["--provider", "piora=env:SECRET", "--json"]);
    assert_eq!(piora("one").send(&screen.program).status, 200);
    let line = screen.lines.recv_timeout(PATIENCE).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["outcome"], "accepted");
    let received = humantime::parse_rfc3339(line["received_at"].as_str().unwrap()).unwrap();
    assert!(received.elapsed().unwrap() < PATIENCE, "{line}");
}

#[test]
fn a_forwarded_delivery_has_the_answer_in_its_json_line() {
    let target = Target::new(|nth| if nth == 0 { "503 Busy" } else { "" });
    // A key in the URL is shown to nobody.
    let url = format!("{}&token=a-key", target.url);
    let program = Program::listen(&["--provider", "piora=env:SECRET", "--forward-to", &url]);
    assert_eq!(piora("busy").send(&program).status, 503);
    let line = program.line();
    assert_eq!(line["forward"]["status"], 503);
    assert_eq!(line["forward"]["url"], format!("{}&token=redacted", target.url));
    assert!(line["forward"]["error"].is_null());
    assert_eq!(piora("closed").send(&program).status, 502);
    let line = program.line();
    assert!(line["forward"]["status"].is_null());
    assert!(line["forward"]["error"].is_string(), "{line}");
}

#[test]
fn an_event_that_no_pattern_matches_has_its_word() {
    let forward_to = "invoice.*=http://127.0.0.1:1/";
    let screen = Screen::listen(&["--provider", "piora=env:SECRET", "--forward-to", forward_to]);
    assert_eq!(piora("one").send(&screen.program).status, 200);
    assert_eq!(
        screen.without_duration(),
        "piora server.alert unmatched 200 No pattern of forward-to matches this event, so it is \
         acknowledged and not forwarded."
    );
}
