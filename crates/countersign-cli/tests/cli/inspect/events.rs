//! The feed of changes.

use serde_json::json;

use super::{OWN, inspected};
use crate::sender::{Delivery, piora, read_answer};
use crate::target::Target;

const PIORA: [&str; 2] = ["--provider", "piora=env:SECRET"];

#[test]
fn a_delivery_is_told_when_its_handler_begins_and_when_it_ends() {
    let (target, open) = Target::gated();
    let (program, inspector) = inspected(&[&PIORA[..], &["--forward-to", &target.url]].concat());
    let mut feed = inspector.feed(None).connected();
    let waiting = piora("slow").open(program.addr);
    let (name, row) = feed.next();
    assert_eq!(
        (&*name, &row["number"], &row["outcome"]),
        ("delivery", &json!(1), &json!("working"))
    );
    assert_eq!((&row["event"], &row["status"]), (&json!("server.alert"), &json!(null)));
    open.send(()).unwrap();
    assert_eq!(read_answer(waiting).status, 200);
    loop {
        let (name, row) = feed.next();
        assert_eq!((&*name, &row["number"]), ("delivery", &json!(1)));
        if row["outcome"] == "accepted" {
            assert_eq!(row["forward"]["status"], 200, "{row}");
            break;
        }
    }
    assert_eq!(inspector.rows().len(), 1);
}

#[test]
fn a_reader_that_comes_back_gets_what_it_missed() {
    let (program, inspector) = inspected(&[&PIORA[..], &["--inspect-keep", "5"]].concat());
    let forged = Delivery { headers: Vec::new(), ..piora("forged") };
    let mut feed = inspector.feed(None).connected();
    assert_eq!(forged.send(&program).status, 401);
    assert_eq!(feed.next().1["number"], 1);
    let last = feed.id.clone();
    drop(feed);
    for _ in 2..=4 {
        assert_eq!(forged.send(&program).status, 401);
    }
    let mut feed = inspector.feed(Some(&last)).connected();
    // A refused one is told again when more of its body is known.
    let mut numbers = Vec::new();
    while numbers.last() != Some(&4) {
        let (name, row) = feed.next();
        assert_eq!(name, "delivery");
        numbers.push(row["number"].as_u64().unwrap());
    }
    numbers.dedup();
    assert!(numbers.ends_with(&[2, 3, 4]), "{numbers:?}");
    // More than are kept: the oldest ones are forgotten, and that is told.
    for _ in 5..=8 {
        assert_eq!(forged.send(&program).status, 401);
    }
    let (mut newest, mut oldest) = (0, 0);
    while newest < 8 || oldest < 4 {
        let (name, data) = feed.next();
        match &*name {
            "delivery" => newest = data["number"].as_u64().unwrap(),
            "dropped" => oldest = data["oldest"].as_u64().unwrap(),
            name => panic!("{name}"),
        }
    }
    let numbers: Vec<_> = inspector.rows().iter().map(|row| row["number"].clone()).collect();
    assert_eq!(numbers, [8, 7, 6, 5, 4]);

    assert_eq!(inspector.ask("DELETE", "/api/deliveries", &[OWN], "").status, 204);
    while feed.next() != ("cleared".to_owned(), json!({})) {}
    // Whoever was away meanwhile is told, too.
    assert_eq!(inspector.feed(Some(&last)).connected().next().0, "cleared");
    // Numbers go on.
    assert_eq!(forged.send(&program).status, 401);
    assert_eq!(feed.next().1["number"], 9);
}

#[test]
fn who_was_told_by_another_process_loads_the_list_anew() {
    let (_program, inspector) = inspected(&PIORA);
    for last in ["1", "99999999999999999999", "18446744073709551615", "x"] {
        assert_eq!(inspector.feed(Some(last)).connected().next().0, "reload", "{last}");
    }
}

#[test]
fn who_does_not_read_holds_up_nobody_and_misses_no_last_state() {
    let (program, inspector) = inspected(&[&PIORA[..], &["--inspect-keep", "300"]].concat());
    let mut slow = inspector.feed(None).connected();
    let large = "x".repeat(20_000);
    let forged = Delivery { headers: Vec::new(), ..piora(&large) };
    for _ in 0..400 {
        assert_eq!(forged.send(&program).status, 401);
    }
    // It gets at least those that are still kept, and learns which are not.
    let mut newest = 0;
    while newest < 400 {
        let (name, data) = slow.next();
        if name == "delivery" {
            newest = data["number"].as_u64().unwrap();
        }
    }
    let info = inspector.get("/api/info").json();
    assert_eq!(info["kept"]["deliveries"], 300, "{info}");
}
