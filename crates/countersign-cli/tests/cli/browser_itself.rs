//! The browser of the tests sees what a page does, waits for it, and finds its errors.

use crate::browser::{Browser, key};

const PAGE: &str = r#"data:text/html,<!doctype html><title>page</title>
<input id=name><button id=later disabled>go</button><p id=said></p><script>
const [field, button, said] = ["name", "later", "said"].map((id) => document.getElementById(id));
field.onkeydown = (event) => { if (event.key === "Enter") setTimeout(() => { button.disabled = false; }, 50); };
button.onclick = () => setTimeout(() => { said.textContent = "hello " + field.value; nothing(); }, 50);
</script>"#;

#[test]
fn the_browser_of_the_tests_types_clicks_waits_and_hears_complaints() {
    let browser = Browser::start();
    browser.open(PAGE);
    assert!(browser.address().starts_with("data:text/html"));
    browser.write("#name", "ünï \"code\"");
    browser.press(key::ENTER);
    browser.wait_for("#later", "go");
    browser.execute("document.getElementById('name').focus()", &[]);
    browser.press("!");
    browser.click("#later:enabled");
    assert_eq!(browser.wait_for("#said", "hello"), "hello ünï \"code\"!");
    assert_eq!((browser.text("#later"), browser.count("p")), ("go".to_owned(), 1));
    let complaints = browser.complaints();
    assert!(
        complaints.iter().any(|line| line.contains("nothing is not defined")),
        "{complaints:?}"
    );

    let picture =
        std::env::temp_dir().join(format!("countersign-browser-{}.png", std::process::id()));
    browser.screenshot(&picture);
    assert!(std::fs::read(&picture).unwrap().starts_with(b"\x89PNG"));
    std::fs::remove_file(picture).unwrap();
}
