//! What a builder takes for granted: defaults, zeroes, and the answers that may be changed.

use std::time::Duration;

use countersign::providers as built_in;
use countersign::{
    ConfigError, Endpoint, EndpointBuilder, Part, Provider, RejectionKind, Retries, Signature,
    Timestamp, Window,
};

use crate::support::{SECRET, plain, seconds, secret, standard};

fn endpoint(provider: &Provider) -> EndpointBuilder {
    Endpoint::builder("orders", provider.clone()).secret(secret(SECRET))
}

fn timed(retries: Retries) -> Provider {
    Provider::builder("acme")
        .hmac_sha256(Signature::header("X-Signature"))
        .timestamp(Timestamp::body("at"))
        .retries(retries)
        .build()
        .unwrap()
}

#[test]
fn nothing_that_counts_is_zero() {
    type Set = fn(EndpointBuilder) -> EndpointBuilder;
    let nothing = Duration::ZERO;
    let zeroes: [(&str, Set); 6] = [
        ("max_body", |endpoint| endpoint.max_body(0)),
        ("body_timeout", |endpoint| endpoint.body_timeout(Duration::ZERO)),
        ("lease", |endpoint| endpoint.lease(Duration::ZERO)),
        ("store_timeout", |endpoint| endpoint.store_timeout(Duration::ZERO)),
        ("retention", |endpoint| endpoint.retention(Duration::ZERO)),
        ("window", |endpoint| endpoint.window(Window::new(Duration::ZERO, Duration::MAX))),
    ];
    let plain = plain();
    let standard = standard();
    for (field, zero) in zeroes {
        let provider = if field == "window" { &standard } else { &plain };
        let error = zero(endpoint(provider)).build().unwrap_err();
        assert_eq!(error, ConfigError::Zero { field });
        assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
    }
    // A store that counts in milliseconds would take a shorter lease for none.
    let error = endpoint(&plain).lease(Duration::from_micros(999)).build().unwrap_err();
    assert_eq!(error, ConfigError::Zero { field: "lease" });
    let small = Duration::from_millis(1);
    let least = endpoint(&plain).max_body(1).body_timeout(small).lease(small).retention(small);
    assert!(least.build().is_ok());
    let least = endpoint(&standard).window(Window::new(small, nothing)).build();
    assert!(least.is_ok());
}

#[test]
fn the_five_providers_keep_the_invariants_by_default() {
    let minutes = |minutes: u64| seconds(60 * minutes);
    let day = minutes(24 * 60);
    for (provider, past) in [
        (built_in::piora::provider(), Some(minutes(15 * 60 + 36))),
        (built_in::hostwares::provider(), Some(minutes(3 * 60 + 36) + seconds(10))),
        (built_in::percher::provider(), Some(minutes(5))),
        (built_in::pingara::provider(), Some(minutes(102) + seconds(30))),
        (built_in::pingara::bearer(), Some(minutes(102) + seconds(30))),
        (built_in::pingara::basic(), Some(minutes(102) + seconds(30))),
        (built_in::pakyas::provider(), Some(minutes(81))),
        (plain(), None),
    ] {
        let name = provider.name().to_owned();
        let endpoint = endpoint(&provider).build().unwrap();
        assert_eq!(endpoint.window().map(|window| window.past), past, "{name}");
        assert_eq!(endpoint.window(), provider.default_window(), "{name}");
        assert_eq!(endpoint.retention(), day, "{name}");
        assert_eq!(endpoint.lease(), minutes(5), "{name}");
        assert_eq!((endpoint.max_body(), endpoint.body_timeout()), (1 << 20, seconds(30)));
        if let Some(window) = endpoint.window() {
            assert_eq!(window.future, minutes(5), "{name}");
            assert!(endpoint.retention() >= window.span(), "{name}");
        }
        if let Some(horizon) = provider.retries().horizon() {
            assert!(endpoint.retention() >= horizon && endpoint.lease() < horizon, "{name}");
            assert!(endpoint.window().unwrap().past >= horizon, "{name}");
        }
    }
}

#[test]
fn defaults_follow_the_schedule() {
    // Two days of retries: the window is an hour longer, and retention covers it.
    let long = endpoint(&timed(Retries::after([seconds(172_800)]))).build().unwrap();
    assert_eq!(long.window(), Some(Window::new(seconds(172_800 + 3600), seconds(300))));
    assert_eq!(long.retention(), seconds(172_800 + 3600 + 300));
    assert_eq!(long.lease(), seconds(300));
    // A lease that is half the last wait leaves a retry to a crash on any retry before it.
    let short = endpoint(&timed(Retries::after([seconds(20), seconds(40)]))).build().unwrap();
    assert_eq!(short.lease(), seconds(20));
    // An unknown schedule: a day.
    let unknown = endpoint(&timed(Retries::unknown())).build().unwrap();
    assert_eq!(unknown.window(), Some(Window::new(seconds(86_400), seconds(300))));
    assert_eq!(unknown.retention(), seconds(86_700));
    // A schedule without end does not overflow.
    let endless = endpoint(&timed(Retries::after([Duration::MAX, Duration::MAX]))).build().unwrap();
    assert_eq!(endless.retention(), Duration::MAX);
}

#[test]
fn a_window_of_ones_own_is_judged_by_whose_the_time_is() {
    let provider = |time: Timestamp| {
        Provider::builder("acme")
            .hmac_sha256(Signature::header("X-Signature"))
            .key_by_body()
            .signed_content([Part::Timestamp, Part::literal("."), Part::Body])
            .timestamp(time)
            .retries(Retries::after([seconds(1000)]))
            .build()
            .unwrap()
    };
    let short = Window::new(seconds(999), seconds(1));
    let header = || Timestamp::header("X-Time");
    assert!(endpoint(&provider(header())).window(short).build().is_ok());
    let result = endpoint(&provider(header().per_event())).window(short).build();
    assert!(matches!(result, Err(ConfigError::WindowShorterThanRetries { .. })));
    let result = endpoint(&timed(Retries::never())).window(short).build();
    assert!(result.is_ok());
}

#[test]
fn the_default_answers_are_those_of_the_table() {
    use RejectionKind::*;
    let endpoint = endpoint(&plain()).build().unwrap();
    for &kind in RejectionKind::ALL {
        let status = match kind {
            Duplicate | Parked => 200,
            InFlight | StoreUnavailable | StoreFull | SecretsUnavailable | ShuttingDown => 503,
            TimestampMalformed | BodyMalformed | BodyIncomplete => 400,
            BodyTooLarge => 413,
            BodyTimeout => 408,
            VerifyTokenMismatch => 403,
            MethodNotAllowed => 405,
            NotCommitted | NotTaken | Misconfigured => 500,
            _ => 401,
        };
        let rejection = endpoint.reject(kind);
        assert_eq!((rejection.kind(), rejection.status()), (kind, status));
        assert_eq!(kind.default_status(), status);
        assert_eq!(rejection.code(), kind.code());
        let body: serde_json::Value = serde_json::from_str(rejection.body()).unwrap();
        // Nothing is wrong with a delivery that is acknowledged.
        let field = if matches!(kind, Duplicate | Parked) { "status" } else { "error" };
        assert_eq!(body, serde_json::json!({ field: kind.code() }));
        let allowed = (kind == MethodNotAllowed).then_some("POST");
        assert_eq!(rejection.allow(), allowed, "{kind:?}");
        let waits = status == 503;
        assert_eq!(rejection.retry_after_secs(), waits.then_some(5), "{kind:?}");
    }
    let codes: std::collections::HashSet<_> =
        RejectionKind::ALL.iter().map(|kind| kind.code()).collect();
    assert_eq!(codes.len(), RejectionKind::ALL.len());
}

#[test]
fn answers_may_be_changed_within_reason() {
    let plain = plain();
    for &kind in RejectionKind::ALL {
        let answer = |status| endpoint(&plain).answer(kind, status).build();
        let (good, bad) = match kind {
            RejectionKind::Duplicate | RejectionKind::Parked => {
                (vec![200, 204, 299], vec![0, 199, 300, 404, 503])
            }
            _ => (vec![400, 401, 499, 503, 599], vec![0, 200, 204, 299, 302, 399, 600, u16::MAX]),
        };
        for status in good {
            let rejection = answer(status).unwrap().reject(kind);
            assert_eq!((rejection.status(), rejection.code()), (status, kind.code()));
            assert_eq!(rejection.body().is_empty(), status == 204);
        }
        for status in bad {
            let error = answer(status).unwrap_err();
            assert_eq!(error, ConfigError::UnsuitableStatus { kind, status });
            let message = error.to_string();
            assert!(message.contains("`answer`") && message.contains(&status.to_string()));
            assert!(message.contains(kind.code()), "{message}");
        }
    }
    // The last word counts, and other kinds keep theirs.
    let endpoint = endpoint(&plain)
        .answer(RejectionKind::Stale, 410)
        .answer(RejectionKind::Stale, 403)
        .build()
        .unwrap();
    assert_eq!(endpoint.reject(RejectionKind::Stale).status(), 403);
    assert_eq!(endpoint.reject(RejectionKind::InTheFuture).status(), 401);
}

#[test]
fn retry_after_is_whole_seconds_and_never_zero() {
    for (after, said) in [
        (Duration::ZERO, 1),
        (Duration::from_nanos(1), 1),
        (seconds(1), 1),
        (Duration::from_millis(1001), 2),
        (seconds(30), 30),
        (Duration::MAX, u64::MAX),
    ] {
        let endpoint = endpoint(&plain()).retry_after(after).build().unwrap();
        let rejection = endpoint.reject(RejectionKind::StoreFull);
        assert_eq!(rejection.retry_after_secs(), Some(said));
    }
}
