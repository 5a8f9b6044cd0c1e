//! Something else under an event's key.

use countersign::{Store, StoreErrorKind};
use countersign_redis::redis;

use super::shared::Shared;
use super::{DAY, LEASE, failure, key, token};

#[tokio::test]
async fn a_foreign_value_is_an_error_and_stays_as_it_is() {
    let shared = Shared::new();
    let store = shared.store().await;
    let name = format!("{}{}", shared.prefix, key(1));
    let long = ["x".repeat(33), "d".repeat(34), format!("c{}", "0".repeat(32))];
    let strings = ["", "1", "garbage", &long[0], &long[1]];
    let mut writes: Vec<Vec<&str>> = strings.map(|value| vec!["SET", &name, value]).into();
    // A claim, but without an end.
    writes.push(vec!["SET", &name, &long[2]]);
    writes.push(vec!["RPUSH", &name, "a", "b"]);
    writes.push(vec!["HSET", &name, "a", "b"]);
    for (number, write) in writes.iter().enumerate() {
        shared.ask::<redis::Value>(write);
        let before: Vec<u8> = shared.ask(&["DUMP", &name]);
        let claimed = failure(store.claim(key(1), token(), LEASE).await);
        assert_eq!(claimed.0, StoreErrorKind::Unavailable, "{write:?}");
        let code = if number < 6 { "FOREIGN" } else { "WRONGTYPE" };
        assert!(claimed.1.contains(code), "{}", claimed.1);
        if number != 5 {
            failure(store.complete(key(1), token(), DAY).await);
            failure(store.release(key(1), token()).await);
        }
        let after: Vec<u8> = shared.ask(&["DUMP", &name]);
        assert_eq!(before, after, "{write:?}");
        shared.ask::<redis::Value>(&["DEL", &name]);
    }
}
