//! The page, as a person uses it, in a real browser.

use std::path::Path;

use serde_json::json;

use super::why::{BODY, github};
use super::{Inspector, inspected};
use crate::browser::Browser;
use crate::program::{Program, SECRET, command};
use crate::sender::{Delivery, hostwares};
use crate::target::Target;
use crate::verify::Folder;

/// Nothing that the page loads is missing, forbidden or wrong. A request that is refused is in the
/// browser's log, and is what some tests are about.
fn assert_quiet(browser: &Browser) {
    let complaints = browser.complaints();
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
fn a_refused_delivery_is_seen_understood_mended_and_replayed() {
    let folder = Folder::new("browser");
    let path = folder.file("secret", format!("{SECRET} \n"));
    let (program, inspector) = inspected(&["--provider", &format!("github=file:{path}")]);
    let browser = Browser::start();
    browser.open(&format!("http://{}/", inspector.addr));
    browser.wait_for("#connection", "Live");
    assert_eq!(github(BODY).header("X-GitHub-Event", "ping").send(&program).status, 401);

    // It appears by itself.
    browser.wait_for("#rows [role=option]", "Rejected");
    browser.click("#rows [role=option]");
    browser.wait_for("#verdict", "Rejected");
    let why = browser.wait_for("#why", "white space");
    assert!(!why.contains(SECRET), "{why}");
    if let Ok(folder) = std::env::var("COUNTERSIGN_SCREENSHOTS") {
        browser.screenshot(&Path::new(&folder).join("inspector.png"));
    }

    folder.file("secret", SECRET);
    browser.click("#reload-secrets");
    browser.wait_for("#notice-text", "ead");
    browser.click("#replay-receiver");
    browser.wait_for("#replay-result", "Replayed as");
    browser.wait_for("#replay-result", "ccepted");
    inspector.wait_until("accepted", |rows| {
        rows.len() == 2 && rows[0]["outcome"] == "accepted" && rows[0]["replay_of"] == 1
    });
    assert_quiet(&browser);
}

#[test]
fn a_parked_event_is_not_said_to_be_handled() {
    let target = Target::new(|_| "500 Internal Server Error");
    let args = ["--provider", "hostwares=env:SECRET", "--forward-to", &target.url];
    let (program, inspector) = inspected(&[&args[..], &["--park-after", "2"]].concat());
    let browser = Browser::start();
    browser.open(&format!("http://{}/", inspector.addr));
    browser.wait_for("#connection", "Live");
    let event = hostwares("evt_1", "invoice.paid");
    for (status, outcome) in [(500, "Failed"), (200, "Parked"), (200, "Duplicate")] {
        assert_eq!(event.send(&program).status, status);
        browser.wait_for("#rows", outcome);
    }
    browser.click("#rows [data-outcome=parked]");
    browser.wait_for("#verdict", "Parked");
    let why = browser.wait_for("#why", "countersign store STORE forget");
    assert!(why.contains("answered 500. The event is parked"), "{why}");
    browser.wait_for("#attempts", "3 deliveries of this event; it is parked.");
    assert_quiet(&browser);
}

#[test]
fn what_a_sender_wrote_is_text_and_runs_nothing() {
    let (program, inspector) =
        inspected(&["--provider", "github=env:SECRET", "--provider", "hostwares=env:SECRET"]);
    let browser = Browser::start();
    browser.open(&format!("http://{}/", inspector.addr));
    browser.wait_for("#connection", "Live");
    let hostile =
        "<img src=x onerror=document.title='taken'><script>document.title='taken'</script>";
    let event = hostile.replace('"', "'");
    assert_eq!(hostwares("<b>evt</b>", &event).send(&program).status, 200);
    let body =
        json!({ "zen": hostile, "</script><script>document.title='taken'</script>": hostile });
    let delivery = github(&body.to_string())
        .header("X-GitHub-Event", hostile)
        .header("X-GitHub-Delivery", "'\"><svg/onload=document.title='taken'>")
        .header("X-Hostile", hostile);
    assert_eq!(delivery.send(&program).status, 200);
    let elsewhere =
        Delivery { path: "/%3Cscript%3E?<svg/onload=alert(1)>".to_owned(), ..github("{}") };
    let _ = elsewhere.send(&program);

    let rows = inspector.rows().len() as u64;
    for number in 1..=rows {
        let row = format!("#rows [role=option]:nth-of-type({number})");
        browser.wait_for("#rows", "img src=x");
        browser.click(&row);
        browser.wait_for("#verdict", "");
        browser.wait_for("#headers", "host");
    }
    let elements = browser.count("#detail img[src=x], #detail b, #rows b, #rows img, #detail script, #rows script, svg[onload]");
    assert_eq!(elements, 0);
    let title = browser.execute("return document.title", &[]);
    assert!(!title.as_str().unwrap().contains("taken"), "{title}");
    assert_quiet(&browser);
}

#[test]
fn the_page_asks_for_the_token() {
    const TOKEN: &str = "a token of the test that nobody guesses";
    let args = ["listen", "--addr=127.0.0.1:0", "--provider", "github=env:SECRET"];
    let mut command = command(&args);
    command.args(["--inspect", "127.0.0.1:0", "--inspect-token", "env:TOKEN"]).env("TOKEN", TOKEN);
    let program = Program::spawn(command);
    let inspector = Inspector::of(&program);
    let browser = Browser::start();
    browser.open(&format!("http://{}/", inspector.addr));
    assert!(browser.address().ends_with("/login"), "{}", browser.address());
    browser.write("#token", "wrong, and long enough");
    browser.click("#login button");
    browser.wait_for("#login-error", "not the token");
    browser.write("#token", TOKEN);
    browser.click("#login button");
    browser.wait_for("#connection", "Live");
    assert_eq!(github(BODY).send(&program).status, 200);
    browser.wait_for("#rows [role=option]", "ccepted");
}
