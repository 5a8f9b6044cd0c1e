//! An error says what went wrong; its cause is in `source` and nowhere else.

use std::error::Error;

use countersign::{CompleteError, ErrorChain, FromDelivery, Secret, StoreError, StoreErrorKind};

use crate::support::{deliver, endpoint, plain, sign};

fn refused() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "connection refused")
}

#[test]
fn a_cause_is_not_said_twice() {
    #[derive(Debug, serde::Deserialize)]
    struct Paid {
        #[expect(dead_code, reason = "only read")]
        amount: u64,
    }
    let body = r#"{"amount":"much"}"#;
    let delivery = deliver(&endpoint(&plain()), &sign(&plain(), body), body).unwrap();
    let mismatch = Paid::from_delivery(&delivery).unwrap_err();
    let no_file = Secret::from_file("/no/such/file").unwrap_err();
    let errors: [(&dyn Error, &str); 4] = [
        (&refused(), "connection refused"),
        (&CompleteError::Store(refused()), "connection refused"),
        (&mismatch, "invalid type: string \"much\""),
        (&no_file, "(os error 2)"),
    ];
    for (error, cause) in errors {
        assert!(!error.to_string().contains(cause), "{error}");
        assert!(error.source().is_some(), "{error}");
    }
    for (error, cause) in [
        (ErrorChain::of(&mismatch).to_string(), "invalid type: string \"much\""),
        (ErrorChain::of(&no_file).to_string(), "(os error 2)"),
        // What a `main` prints that returns it.
        (format!("{no_file:?}"), "(os error 2)"),
    ] {
        assert_eq!(error.matches(cause).count(), 1, "{error}");
    }
}

#[test]
fn a_chain_says_each_cause_once_and_on_one_line() {
    let chain = ErrorChain::of(&CompleteError::Store(refused())).to_string();
    let expected =
        "the event was not marked as handled: the store cannot answer: connection refused";
    assert_eq!(chain, expected);

    #[derive(Debug)]
    struct Repeats(StoreError);
    impl std::fmt::Display for Repeats {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "it failed: {}", self.0)
        }
    }
    impl Error for Repeats {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = Repeats(StoreError::new(StoreErrorKind::Full, "two\nlines of \"text\"\u{202e}"));
    let chain = ErrorChain::of(&error).to_string();
    let expected = r#"it failed: the store is full: two\nlines of "text"\u{202e}"#;
    assert_eq!(chain, expected);
}
