//! Pingara's three ways to show its token.

use countersign::providers::pingara::{basic, bearer, provider};
use countersign::{Endpoint, Proof, Provider, RejectionKind, Token};

use crate::support::{
    NOW, NOW_TEXT, assert_refused, clock_at, deliver, deliver_signed, endpoint_at, secret,
};

fn body() -> String {
    format!(r#"{{"event":"monitor.paused","timestamp":"{NOW_TEXT}","monitor":{{"id":"m_1"}}}}"#)
}

fn endpoint(provider: &Provider, token: &str) -> Endpoint {
    let endpoint = Endpoint::builder("pingara", provider.clone());
    endpoint.secret(secret(token)).clock(clock_at(NOW)).build().unwrap()
}

fn send(endpoint: &Endpoint, name: &str, value: &str) -> Result<(), RejectionKind> {
    let result = deliver(endpoint, &[(name, value)], body());
    result.map(drop).map_err(|rejection| rejection.kind())
}

#[test]
fn a_token_in_its_own_header() {
    let endpoint = endpoint(&provider(), "your-secret-token-here");
    let send = |value: &str| send(&endpoint, "x-pingara-SECRET", value);
    assert_eq!(send("your-secret-token-here"), Ok(()));
    for wrong in [
        "your-secret-token-herf",
        "your-secret-token-her",
        "your-secret-token-heree",
        "Your-secret-token-here",
        " your-secret-token-here",
        "Bearer your-secret-token-here",
        "y",
        &"y".repeat(10_000),
    ] {
        assert_eq!(send(wrong), Err(RejectionKind::TokenMismatch), "{wrong}");
    }
    assert_eq!(send(""), Err(RejectionKind::TokenMalformed));
}

#[test]
fn a_bearer_token() {
    let endpoint = endpoint(&bearer(), "your-access-token");
    let send = |value: &str| send(&endpoint, "Authorization", value);
    for scheme in ["Bearer", "bearer", "BEARER", "bEaReR"] {
        assert_eq!(send(&format!("{scheme} your-access-token")), Ok(()));
    }
    for token in ["your-access-toke", "your-access-tokens", "YOUR-ACCESS-TOKEN", "y"] {
        assert_eq!(send(&format!("Bearer {token}")), Err(RejectionKind::TokenMismatch), "{token}");
    }
    for malformed in [
        "",
        "Bea",
        "Bearer",
        "Bearer ",
        "Bearer\tyour-access-token",
        "Beareryour-access-token",
        "your-access-token",
        "Basic your-access-token",
    ] {
        assert_eq!(send(malformed), Err(RejectionKind::TokenMalformed), "{malformed:?}");
    }
}

#[test]
fn basic_credentials_whose_password_holds_a_colon() {
    let endpoint = endpoint(&basic(), "user:pa:ss");
    let send = |value: &str| send(&endpoint, "authorization", value);
    // `user:pa:ss`
    assert_eq!(send("Basic dXNlcjpwYTpzcw=="), Ok(()));
    assert_eq!(send("bASIC dXNlcjpwYTpzcw=="), Ok(()));
    // `user:pa`, `user:pa:st`, `user:pa:sss`, `userpa:ss`, `USER:pa:ss`
    for wrong in
        ["dXNlcjpwYQ==", "dXNlcjpwYTpzdA==", "dXNlcjpwYTpzc3M=", "dXNlcnBhOnNz", "VVNFUjpwYTpzcw=="]
    {
        assert_eq!(send(&format!("Basic {wrong}")), Err(RejectionKind::TokenMismatch), "{wrong}");
    }
    for malformed in [
        "Basic",
        "Basic ",
        "Basic user:pa:ss",
        "Basic dXNlcjpwYTpzcw",
        "Basic dXNlcjpwYTpzcw=",
        "Basic dXNlcjpwYTpzcx==",
        "Basic dXNlcjpwYTpzcw==dXNl",
        "Bearer dXNlcjpwYTpzcw==",
    ] {
        assert_eq!(send(malformed), Err(RejectionKind::TokenMalformed), "{malformed:?}");
    }
}

#[test]
fn tokens_are_judged_by_the_head_alone() {
    for (provider, header) in
        [(provider(), "X-Pingara-Secret"), (bearer(), "Authorization"), (basic(), "Authorization")]
    {
        let endpoint = endpoint_at(&provider, NOW);
        let none: [(&str, &str); 0] = [];
        let result = endpoint.begin(&none);
        assert_refused(result, RejectionKind::TokenMissing, 401, "token_missing");
        let result = endpoint.begin(&[(header, "Digest \u{e9}")]);
        match header {
            "Authorization" => {
                assert_refused(result, RejectionKind::TokenMalformed, 401, "token_malformed");
            }
            _ => assert_refused(result, RejectionKind::TokenMismatch, 401, "token_mismatch"),
        }
        let twice = [(header, "a"), (header, "a")];
        let result = endpoint.begin(&twice);
        assert_refused(result, RejectionKind::TokenRepeated, 401, "token_repeated");
        assert!(deliver_signed(&endpoint, body()).is_ok());
    }
}

#[test]
fn any_of_several_tokens_is_good_and_told_apart() {
    let endpoint = Endpoint::builder("pingara", provider())
        .secrets([secret("new").labeled("2026"), secret("old").labeled("2025")])
        .clock(clock_at(NOW))
        .build()
        .unwrap();
    for (token, index, label) in [("new", 0, "2026"), ("old", 1, "2025")] {
        let delivery = deliver(&endpoint, &[("X-Pingara-Secret", token)], body()).unwrap();
        assert_eq!((delivery.secret_index(), delivery.secret_label()), (index, Some(label)));
    }
    assert_eq!(send(&endpoint, "X-Pingara-Secret", "newold"), Err(RejectionKind::TokenMismatch));
}

#[test]
fn the_header_that_holds_the_secret_is_named() {
    let named = |provider: &Provider| {
        let endpoint = endpoint(provider, "user:token");
        endpoint.secret_headers().map(str::to_ascii_lowercase).collect::<Vec<_>>()
    };
    assert_eq!(named(&provider()), ["x-pingara-secret"]);
    assert_eq!(named(&bearer()), ["authorization"]);
    assert_eq!(named(&basic()), ["authorization"]);
    assert_eq!(named(&crate::support::plain()), [""; 0]);
    // Each of several: one of them is as secret as the other.
    let token = |header| Proof::shared_token(Token::header(header));
    let two = Provider::builder("two").any_of([token("X-One"), token("X-Two")]).build().unwrap();
    assert_eq!(named(&two), ["x-one", "x-two"]);
}
