//! Prefixes, addresses, durations, and what is not shown.

use std::time::Duration;

use countersign::{Claimed, ErrorChain, Settled, Store};
use countersign_redis::{ConfigError, ConnectError, RedisStore};

use super::shared::Shared;
use super::{DAY, LEASE, key, token};

#[tokio::test]
async fn a_prefix_is_checked_before_anything_is_asked() {
    for prefix in ["", "a b", "{slot}:", "a*", "päh:", &"x".repeat(65)] {
        // Nobody listens there.
        let made = RedisStore::builder().prefix(prefix).connect("redis://127.0.0.1:1/").await;
        let error = made.unwrap_err();
        let expected = ConfigError::InvalidPrefix { prefix: prefix.to_owned() };
        assert!(matches!(&error, ConnectError::Config(error) if *error == expected), "{error}");
        assert!(error.to_string().contains("1 to 64"), "{error}");
    }
}

#[tokio::test]
async fn prefixes_keep_apart() {
    let (here, there) = (Shared::new(), Shared::new());
    let (one, two) = (here.store().await, there.store().await);
    assert_eq!(one.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(two.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Fresh);
    let kind: String = here.ask(&["TYPE", &format!("{}{}", here.prefix, key(1))]);
    assert_eq!(kind, "string");
}

#[tokio::test]
async fn passwords_are_not_shown() {
    for address in
        ["redis://:pass-word@host:port/", "http://:pass-word@h/", "redis://u:pass-word@h/x"]
    {
        let error = RedisStore::connect(address).await.unwrap_err();
        assert!(matches!(error, ConnectError::Address(_)), "{error}");
        assert!(!format!("{} {error:?}", ErrorChain::of(&error)).contains("pass-word"), "{error}");
    }
    let shared = Shared::new();
    let shown = format!("{:?}", shared.store().await);
    assert_eq!(shown, format!("RedisStore {{ prefix: {:?}, .. }}", shared.prefix));
}

#[tokio::test]
async fn durations_have_no_edges() {
    let shared = Shared::new();
    let store = shared.store().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, Duration::MAX).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.claim(key(1), mine, Duration::MAX).await.unwrap(), Claimed::Fresh);
    let claimed = store.claim(key(1), token(), LEASE).await.unwrap();
    let Claimed::InFlight { retry_after } = claimed else { panic!("{claimed:?}") };
    assert!(retry_after > 365 * DAY, "{retry_after:?}");
    assert_eq!(store.complete(key(1), mine, Duration::MAX).await.unwrap(), Settled::Settled);
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Done);

    for shortest in [Duration::ZERO, Duration::from_nanos(1)] {
        assert_eq!(store.claim(key(2), token(), shortest).await.unwrap(), Claimed::Fresh);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_owner_whose_lease_ran_out_has_lost_even_if_nobody_came() {
    let shared = Shared::new();
    let store = shared.store().await;
    let mine = token();
    let short = Duration::from_millis(20);
    assert_eq!(store.claim(key(1), mine, short).await.unwrap(), Claimed::Fresh);
    tokio::time::sleep(3 * short).await;
    assert_eq!(store.complete(key(1), mine, DAY).await.unwrap(), Settled::Lost);
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Lost);
    assert_eq!(store.claim(key(1), token(), LEASE).await.unwrap(), Claimed::Fresh);
}
