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
    let zeros = "0".repeat(32);
    let long = ["x".repeat(33), "d".repeat(34), format!("c{zeros}12x"), format!("r{zeros}12")];
    let mut writes: Vec<Vec<&str>> = ["", "1", "garbage", "rr", "R"]
        .into_iter()
        .chain(long.iter().map(String::as_str))
        .map(|value| vec!["SET", &name, value])
        .collect();
    writes.push(vec!["RPUSH", &name, "a", "b"]);
    writes.push(vec!["HSET", &name, "a", "b"]);
    for write in &writes {
        shared.ask::<redis::Value>(write);
        let before: Vec<u8> = shared.ask(&["DUMP", &name]);
        let code = if write[0] == "SET" { "FOREIGN" } else { "WRONGTYPE" };
        for answer in [
            failure(store.claim(key(1), token(), LEASE).await),
            failure(store.complete(key(1), token(), DAY).await),
            failure(store.release(key(1), token()).await),
            failure(store.forget(key(1)).await),
            failure(store.state(key(1)).await),
        ] {
            assert_eq!(answer.0, StoreErrorKind::Unavailable, "{write:?}");
            assert!(answer.1.contains(code), "{}", answer.1);
        }
        let after: Vec<u8> = shared.ask(&["DUMP", &name]);
        assert_eq!(before, after, "{write:?}");
        shared.ask::<redis::Value>(&["DEL", &name]);
    }
    // A claim, but without an end.
    let endless = format!("c{zeros}");
    shared.ask::<redis::Value>(&["SET", &name, &endless]);
    assert!(failure(store.claim(key(1), token(), LEASE).await).1.contains("FOREIGN"));
    assert!(failure(store.release(key(1), token()).await).1.contains("FOREIGN"));
    assert!(failure(store.forget(key(1)).await).1.contains("FOREIGN"));
    assert!(failure(store.state(key(1)).await).1.contains("FOREIGN"));
    assert_eq!(shared.ask::<String>(&["GET", &name]), endless);
    assert_eq!(shared.ask::<i64>(&["PTTL", &name]), -1);
}
