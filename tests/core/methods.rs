//! A signature does not cover the request's method, so an endpoint accepts `POST` unless set
//! otherwise.

use countersign::{ConfigError, Endpoint, EndpointBuilder, Lookup, RejectionKind, RequestHead};

use crate::support::{Pairs, build, plain, sign};

/// A request's head with a method.
pub(crate) struct Sent<'a>(pub(crate) &'a str, pub(crate) &'a Pairs);

impl RequestHead for Sent<'_> {
    fn lookup(&self, name: &str) -> Lookup<'_> {
        self.1.lookup(name)
    }

    fn method(&self) -> &str {
        self.0
    }
}

fn accepting(methods: &[&str]) -> Endpoint {
    build(&plain(), |endpoint| endpoint.methods(methods))
}

/// The `Allow` header's value where the method is refused.
fn refused(endpoint: &Endpoint, method: &str, headers: &Pairs) -> Option<String> {
    let rejection = endpoint.begin(&Sent(method, headers)).err()?;
    assert_eq!((rejection.kind(), rejection.status()), (RejectionKind::MethodNotAllowed, 405));
    assert_eq!(rejection.body(), r#"{"error":"method_not_allowed"}"#);
    Some(rejection.allow().unwrap().to_owned())
}

#[test]
fn only_post_is_accepted_unless_the_endpoint_says_otherwise() {
    let headers = sign(&plain(), "{}");
    let by_default = build(&plain(), |endpoint| endpoint);
    assert_eq!(refused(&by_default, "POST", &headers), None);
    // With their case: `post` is another method than `POST`.
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "post", "POSTS", ""] {
        assert_eq!(refused(&by_default, method, &headers).as_deref(), Some("POST"), "{method}");
    }
    let two = accepting(&["PUT", "GET"]);
    assert_eq!(refused(&two, "PUT", &headers), None);
    assert_eq!(refused(&two, "GET", &headers), None);
    assert_eq!(refused(&two, "POST", &headers).as_deref(), Some("PUT, GET"));
}

/// Whoever asks with another method learns nothing of the signature.
#[test]
fn the_method_is_judged_before_the_signature() {
    let unsigned: Pairs = Vec::new();
    let endpoint = build(&plain(), |endpoint| endpoint);
    assert_eq!(refused(&endpoint, "GET", &unsigned).as_deref(), Some("POST"));
}

/// A server that has one method has nothing to say about it.
#[test]
fn headers_without_a_method_are_those_of_a_post() {
    let headers = sign(&plain(), "{}");
    assert!(accepting(&["POST"]).begin(&headers).is_ok());
    let rejection = accepting(&["PUT"]).begin(&headers).unwrap_err();
    assert_eq!(rejection.kind(), RejectionKind::MethodNotAllowed);
}

#[test]
fn no_method_and_malformed_methods_do_not_build() {
    let build = |change: fn(EndpointBuilder) -> EndpointBuilder| {
        let endpoint = Endpoint::builder("orders", plain()).secret(crate::support::secret("s"));
        change(endpoint).build().map(drop)
    };
    let error = build(|endpoint| endpoint.methods([""; 0])).unwrap_err();
    assert_eq!(error, ConfigError::NoMethod);
    assert!(error.to_string().contains("`methods`") && error.to_string().contains("`POST`"));
    for method in ["", " ", "PO ST", "POST,PUT", "post", "Post", "P\u{d6}ST", "POST\r\n"] {
        let endpoint = Endpoint::builder("orders", plain()).secret(crate::support::secret("s"));
        let error = endpoint.methods(["PUT", method]).build().unwrap_err();
        assert_eq!(error, ConfigError::InvalidMethod { method: method.to_owned() });
        let said = error.to_string();
        assert!(said.contains("`methods`") && said.contains(&format!("{method:?}")), "{said}");
    }
    assert!(build(|endpoint| endpoint.methods(["M-SEARCH", "X_1"])).is_ok());
    // Somebody may think that the second call adds to the first.
    let error = build(|endpoint| endpoint.methods(["POST"]).methods(["PUT"])).unwrap_err();
    assert_eq!(error, ConfigError::SetTwice { first: "methods", second: "methods" });
}
