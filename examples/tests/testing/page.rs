//! The page shows the tests that run here.

const PAGE: &str = include_str!("../../../docs/testing.md");
const SHOWN: [&str; 2] = [include_str!("on_axum.rs"), include_str!("on_actix.rs")];

/// Without white space, which a page has less of.
fn words(code: &str) -> String {
    code.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_page_shows_what_runs() {
    let mut shown = 0;
    for block in PAGE.split("```rust\n").skip(1) {
        let (code, _) = block.split_once("```").unwrap();
        let found = SHOWN.iter().any(|file| words(file).contains(&words(code)));
        assert!(found, "this is not in a test that runs:\n{code}");
        if code.contains("_is_handled_once") {
            let lines = code.lines().filter(|line| !line.trim().is_empty());
            assert!(lines.count() <= 10, "a test has at most ten lines:\n{code}");
            shown += 1;
        }
    }
    assert_eq!(shown, 2);
}
