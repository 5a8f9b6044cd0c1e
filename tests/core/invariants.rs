//! What a builder refuses, at the very edge, and how it says so.

use std::time::Duration;

use countersign::{
    ConfigError, Endpoint, EndpointBuilder, Part, Provider, ProviderBuilder, Retries, Signature,
    TimeFormat, Timestamp, Token, Window,
};

use crate::support::{SECRET, seconds, secret};

const NANO: Duration = Duration::from_nanos(1);

/// Checks an error and that its message has all of these in it, and no secret.
#[track_caller]
fn assert_error<T: std::fmt::Debug>(
    result: Result<T, ConfigError>,
    expected: ConfigError,
    said: &[&str],
) {
    let error = result.unwrap_err();
    assert_eq!(error, expected);
    let message = error.to_string();
    for part in said {
        assert!(message.contains(part), "{part} in {message}");
    }
    assert!(!format!("{message} {error:?}").contains(SECRET));
}

fn hmac() -> ProviderBuilder {
    Provider::builder("acme").hmac_sha256(Signature::header("X-Signature"))
}

/// A provider with retries until 1000 s, whose body holds the event's own time.
fn retrying() -> Provider {
    let retries = Retries::after([seconds(100), seconds(900)]);
    hmac().timestamp(Timestamp::body("at")).retries(retries).build().unwrap()
}

fn endpoint(provider: Provider) -> EndpointBuilder {
    Endpoint::builder("orders", provider).secret(secret(SECRET))
}

#[test]
fn a_provider_needs_a_proof() {
    let result = Provider::builder("acme").build();
    assert_error(result, ConfigError::NoProof, &["hmac_sha256", "shared_token"]);
}

#[test]
fn header_names_are_names() {
    for name in ["", " ", "X Sig", "X-Sig:", "X-Sig\r\n", "X-Signé", "X-Sig,", "\u{0}", "(x)"] {
        let signature = Signature::header(name);
        let results = [
            ("hmac_sha256", Provider::builder("a").hmac_sha256(signature).build()),
            ("shared_token", Provider::builder("a").shared_token(Token::header(name)).build()),
            ("timestamp", hmac().timestamp(Timestamp::header(name)).build()),
            ("timestamp", hmac().timestamp(Timestamp::header_item(name, ',', "t=")).build()),
            ("event_id_header", hmac().event_id_header(name).build()),
            (
                "require_unsigned_timestamp_header",
                hmac().require_unsigned_timestamp_header(name).build(),
            ),
        ];
        for (field, result) in results {
            let expected = ConfigError::InvalidHeaderName { field, name: name.to_owned() };
            assert_error(result, expected, &[field, &format!("{name:?}")]);
        }
    }
    let odd = Signature::header("!#$%&'*+-.^_`|~09azAZ");
    assert!(Provider::builder("a").hmac_sha256(odd).build().is_ok());
}

#[test]
fn paths_are_paths() {
    let headers = ["X-GitHub-Event", "x-github-event", "Linear-Event", "Ce-Type"];
    let pointers = ["/data/type", "data/type", "a[0].type", "a[].type", "$.type", "$", "a.*", "*"];
    let empty = ["", ".", "a.", ".a", "a..b", " ", " a", "a ", "a. b", "a\n"];
    for path in headers.into_iter().chain(pointers).chain(empty) {
        let body = Timestamp::body("at");
        let results = [
            ("timestamp", hmac().timestamp(Timestamp::body(path)).build()),
            ("timestamp", hmac().timestamp(body.or_body(path)).build()),
            ("event_type", hmac().event_type(path).build()),
            ("event_type", hmac().optional_event_type(path).build()),
            ("event_id", hmac().event_id(path).build()),
            ("key_fields", hmac().key_fields([path]).build()),
            ("optional_key_fields", hmac().key_fields(["a"]).optional_key_fields([path]).build()),
        ];
        for (field, result) in results {
            let expected = ConfigError::InvalidPath { field, path: path.to_owned() };
            let said = [field, &format!("{path:?}"), "incident.id", "header"];
            assert_error(result, expected, &said);
        }
    }
    // These are fields of somebody's.
    for path in ["event-data", "Event Type", "@type", "headers.X-GitHub-Event", "été", "_id", "00"]
    {
        assert!(hmac().event_type(path).build().is_ok(), "{path}");
    }
    let paths: Vec<String> = (0..33).map(|n| format!("field.{n}")).collect();
    let fields = |count: usize| hmac().key_fields(paths[..count].iter().map(String::as_str));
    assert!(fields(32).build().is_ok());
    // The same path again takes no room.
    assert!(fields(32).event_type("field.7").build().is_ok());
    let expected = ConfigError::InvalidPath { field: "key_fields", path: "field.32".to_owned() };
    assert_error(fields(33).build(), expected, &["32 paths"]);
}

#[test]
fn the_signed_content_has_one_body() {
    for (parts, bodies) in [
        (vec![], 0),
        (vec![Part::literal("x")], 0),
        (vec![Part::Body, Part::Body], 2),
        (vec![Part::Body, Part::literal("."), Part::Body, Part::Body], 3),
    ] {
        let result = hmac().signed_content(parts).build();
        let expected = ConfigError::SignedContentBody { bodies };
        assert_error(result, expected, &["signed_content", &bodies.to_string()]);
    }
    let token = Provider::builder("acme").shared_token(Token::bearer());
    let result = token.signed_content([Part::Body]).build();
    let said = ["signed_content", "hmac_sha256"];
    assert_error(result, ConfigError::SignedContentWithoutMac, &said);
}

#[test]
fn what_the_signed_content_names_must_be_there() {
    let result = hmac().signed_content([Part::Timestamp, Part::Body]).build();
    let method = "timestamp(Timestamp::header(…))";
    let expected = ConfigError::PartWithoutHeader { part: "Part::Timestamp", method };
    assert_error(result, expected.clone(), &["signed_content", "Part::Timestamp", method]);
    // A time in the body is no header either.
    let result = hmac().signed_content([Part::Timestamp, Part::Body]);
    assert_error(result.timestamp(Timestamp::body("at")).build(), expected, &[]);
    let result = hmac().signed_content([Part::Body, Part::Id]).build();
    let expected =
        ConfigError::PartWithoutHeader { part: "Part::Id", method: "event_id_header(…)" };
    assert_error(result, expected, &["signed_content", "Part::Id", "event_id_header"]);
}

#[test]
fn what_is_not_under_the_mac_proves_nothing() {
    let expected = || ConfigError::TimestampNotSigned { header: "x-time".to_owned() };
    let said = ["`timestamp`", "x-time", "unsigned_timestamp"];
    let time = || Timestamp::header("X-Time");
    assert_error(hmac().timestamp(time()).build(), expected(), &said);
    let item = Timestamp::header_item("X-Time", ',', "t=");
    assert_error(hmac().timestamp(item).build(), expected(), &said);
    let token = || Provider::builder("acme").shared_token(Token::bearer());
    assert_error(token().timestamp(time()).build(), expected(), &said);
    // The method whose name says so.
    assert!(hmac().unsigned_timestamp(time()).build().is_ok());
    assert!(token().unsigned_timestamp(time()).build().is_ok());

    let expected = ConfigError::IdNotSigned { header: "x-id".to_owned() };
    let said = ["event_id_header", "x-id", "event_id"];
    assert_error(hmac().event_id_header("X-Id").build(), expected.clone(), &said);
    assert_error(token().event_id_header("X-Id").build(), expected, &said);
}

#[test]
fn what_proves_dates_or_names_an_event_is_said_once() {
    let signature = || Signature::header("X-Signature");
    type Set = fn(ProviderBuilder) -> ProviderBuilder;
    let setters: [(&str, &[(&str, Set)]); 7] = [
        (
            "proof",
            &[
                ("hmac_sha256", |builder| builder.hmac_sha256(Signature::header("X-Other"))),
                ("shared_token", |builder| builder.shared_token(Token::bearer())),
            ],
        ),
        ("content", &[("signed_content", |builder| builder.signed_content([Part::Body]))]),
        (
            "time",
            &[
                ("timestamp", |builder| builder.timestamp(Timestamp::body("at"))),
                ("unsigned_timestamp", |builder| {
                    builder.unsigned_timestamp(Timestamp::header("X-Time"))
                }),
            ],
        ),
        (
            "required time",
            &[("require_unsigned_timestamp_header", |builder| {
                builder.require_unsigned_timestamp_header("X-Time")
            })],
        ),
        (
            "type",
            &[
                ("event_type", |builder| builder.event_type("type")),
                ("optional_event_type", |builder| builder.optional_event_type("kind")),
            ],
        ),
        (
            "id",
            &[
                ("event_id", |builder| builder.event_id("id")),
                ("event_id_header", |builder| builder.event_id_header("X-Id")),
            ],
        ),
        (
            "key",
            &[
                ("key_fields", |builder| builder.key_fields(["a"])),
                ("optional_key_fields", |builder| builder.optional_key_fields(["b"])),
            ],
        ),
    ];
    for (what, setters) in setters {
        for (first, set_first) in setters {
            for (second, set_second) in setters {
                let builder = set_second(set_first(Provider::builder("acme")));
                if what == "key" && first != second {
                    assert!(builder.hmac_sha256(signature()).build().is_ok());
                    continue;
                }
                let expected = ConfigError::SetTwice { first, second };
                assert_error(builder.build(), expected, &[first, second, "call"]);
            }
        }
    }
    // Of the others the last word holds: they may be set by a base of several providers.
    let retries = |seconds_: u64| Retries::after([seconds(seconds_)]);
    let provider = hmac().retries(retries(1)).retries(retries(2));
    let provider = provider.answer_within(seconds(1)).answer_within(seconds(2)).build().unwrap();
    assert_eq!(provider.retries().horizon(), Some(seconds(2)));
    assert_eq!(provider.answer_within(), Some(seconds(2)));
}

#[test]
fn a_window_has_an_end() {
    let (day, year) = (seconds(86_400), seconds(366 * 86_400));
    let build = |past, future| endpoint(retrying()).window(Window::new(past, future)).build();
    assert!(build(year, day).is_ok());
    for past in [year + NANO, Duration::MAX] {
        let expected = ConfigError::WindowTooLong { tolerance: "past", given: past, longest: year };
        assert_error(build(past, day), expected, &["`window`", "past", "366d"]);
    }
    for given in [day + NANO, Duration::MAX] {
        let expected = ConfigError::WindowTooLong { tolerance: "future", given, longest: day };
        assert_error(build(year, given), expected, &["`window`", "future", "1d"]);
    }
}

#[test]
fn optional_key_fields_need_key_fields() {
    let said = ["optional_key_fields", "key_fields"];
    let result = hmac().optional_key_fields(["a"]).build();
    assert_error(result, ConfigError::OnlyOptionalKeyFields, &said);
    // With an id they would have no effect, and events that they tell apart would be merged.
    let result = hmac().event_id("id").optional_key_fields(["a"]).build();
    assert_error(result, ConfigError::OnlyOptionalKeyFields, &said);
}

#[test]
fn signed_content_can_be_cut_in_one_way_only() {
    let build = |parts: &[Part], format| {
        hmac()
            .signed_content(parts.to_vec())
            .timestamp(Timestamp::header("X-Time").format(format))
            .event_id_header("X-Id")
            .build()
    };
    use Part::{Body, Id, Timestamp as Time};
    let dot = || Part::literal(".");
    for parts in [
        vec![Id, Body, dot(), Time],
        vec![Body, Id, dot(), Time],
        vec![Id, Part::literal(""), Body, dot(), Time],
    ] {
        let result = build(&parts, TimeFormat::UnixSeconds);
        assert_error(result, ConfigError::AmbiguousSignedContent, &["signed_content", "literal"]);
    }
    // A time beside the body needs a literal, or a format that leaves no doubt: three digits more
    // make milliseconds of seconds.
    let beside = [Id, dot(), Body, Time];
    assert!(build(&beside, TimeFormat::Detect).is_err());
    assert!(build(&beside, TimeFormat::UnixSeconds).is_ok());
    for beside in [vec![Time, Id, dot(), Body], vec![Id, Time, Body]] {
        assert!(build(&beside, TimeFormat::Detect).is_err());
        assert!(build(&beside, TimeFormat::UnixMillis).is_ok());
    }
    assert!(build(&[Id, dot(), Time, dot(), Body], TimeFormat::Detect).is_ok());
}

#[test]
fn retries_that_would_look_new_need_a_key() {
    let signed = [Part::Timestamp, Part::literal("."), Part::Body];
    let provider = |retries| {
        hmac()
            .timestamp(Timestamp::header("X-Time"))
            .signed_content(signed.clone())
            .retries(retries)
    };
    let retries = || Retries::after([seconds(60)]);
    let said = ["`retries`", "event_id", "key_fields", "key_by_body"];
    assert_error(provider(retries()).build(), ConfigError::RetriesLookNew, &said);
    assert!(provider(retries()).event_id("id").build().is_ok());
    assert!(provider(retries()).key_fields(["a"]).build().is_ok());
    assert!(provider(retries()).key_by_body().build().is_ok());
    assert!(provider(Retries::never()).build().is_ok());
    assert!(provider(Retries::unknown()).build().is_ok());
}

#[test]
fn an_endpoint_needs_a_name_and_secrets() {
    let result = Endpoint::builder("", retrying()).secret(secret(SECRET)).build();
    assert_error(result, ConfigError::EmptyEndpointName, &["name"]);
    let expected = ConfigError::NoSecret { endpoint: "orders".to_owned() };
    let result = Endpoint::builder("orders", retrying()).build();
    assert_error(result, expected.clone(), &["orders", "secret"]);
    assert_error(Endpoint::builder("orders", retrying()).secrets([]).build(), expected, &[]);
}

#[test]
fn a_window_needs_a_time() {
    let expected = ConfigError::NoTimeToJudge { provider: "acme".to_owned() };
    let result = endpoint(hmac().build().unwrap()).window(Window::new(seconds(1), NANO)).build();
    assert_error(result, expected.clone(), &["`window`", "acme", "timestamp"]);
    // A header that is only required to be well formed is none.
    let provider = hmac().require_unsigned_timestamp_header("X-Time").build().unwrap();
    let result = endpoint(provider).window(Window::new(seconds(1), NANO)).build();
    assert_error(result, expected, &[]);
}

#[test]
fn a_window_over_the_events_time_covers_the_retries() {
    let window = |past| endpoint(retrying()).window(Window::new(past, Duration::ZERO)).build();
    assert!(window(seconds(1000)).is_ok());
    let past = seconds(1000) - NANO;
    let expected = ConfigError::WindowShorterThanRetries { past, retries: seconds(1000) };
    assert_error(window(past), expected, &["`window`", "999.999999999s", "16m 40s"]);
    // A time that is fresh in every delivery need not.
    let signed = [Part::Timestamp, Part::literal("."), Part::Body];
    let provider = hmac()
        .timestamp(Timestamp::header("X-Time"))
        .signed_content(signed)
        .key_by_body()
        .retries(Retries::after([seconds(1000)]))
        .build()
        .unwrap();
    let result = endpoint(provider).window(Window::new(seconds(1), seconds(1))).build();
    assert!(result.is_ok());
}

#[test]
fn retention_covers_the_window() {
    let retention = |retention| {
        let window = Window::new(seconds(2000), seconds(500));
        endpoint(retrying()).window(window).retention(retention).build()
    };
    assert!(retention(seconds(2500)).is_ok());
    let short = seconds(2500) - NANO;
    let expected =
        ConfigError::RetentionShorterThanWindow { retention: short, window: seconds(2500) };
    assert_error(retention(short), expected, &["`retention`", "2499.999999999s", "41m 40s"]);
    // The window that is there by default counts too: the schedule, an hour, and five minutes.
    let whole = seconds(1000 + 3600 + 300);
    assert!(endpoint(retrying()).retention(whole).build().is_ok());
    let result = endpoint(retrying()).retention(whole - NANO).build();
    assert!(matches!(result, Err(ConfigError::RetentionShorterThanWindow { .. })));
}

#[test]
fn retention_covers_the_retries() {
    let provider = hmac().retries(Retries::after([seconds(1000)])).build().unwrap();
    let retention = |retention| endpoint(provider.clone()).retention(retention).build();
    assert!(retention(seconds(1000)).is_ok());
    let short = seconds(1000) - NANO;
    let expected =
        ConfigError::RetentionShorterThanRetries { retention: short, retries: seconds(1000) };
    assert_error(retention(short), expected, &["`retention`", "999.999999999s", "16m 40s"]);
}

#[test]
fn a_lease_ends_before_the_last_retry() {
    let lease = |lease| endpoint(retrying()).lease(lease).build();
    assert!(lease(seconds(1000) - NANO).is_ok());
    let expected =
        ConfigError::LeaseNotShorterThanRetries { lease: seconds(1000), retries: seconds(1000) };
    assert_error(lease(seconds(1000)), expected, &["`lease`", "16m 40s"]);
    // Its end must not come before the store's answer.
    let lease = |lease| endpoint(retrying()).store_timeout(seconds(3)).lease(lease).build();
    assert!(lease(seconds(3) + NANO).is_ok());
    let expected = ConfigError::LeaseNotLongerThanStoreTimeout {
        lease: seconds(3),
        store_timeout: seconds(3),
    };
    assert_error(lease(seconds(3)), expected, &["`lease`", "`store_timeout`", "3s"]);
    let short = endpoint(retrying()).lease(seconds(3)).build().unwrap();
    assert_eq!(short.store_timeout(), seconds(3) / 2);
    // Without a schedule, or without retries, nothing bounds it.
    for retries in [Retries::unknown(), Retries::never()] {
        let provider = hmac().retries(retries).build().unwrap();
        assert!(endpoint(provider).lease(seconds(1_000_000)).build().is_ok());
    }
}
