//! Records of parked events beside programs that know of none.

use countersign::{Claimed, ParkedNote, Settled, Store};

use super::shared::Shared;
use super::{DAY, LEASE, key, token};

/// A program of an older version forgets an event without its record, and the event is handled then.
#[tokio::test]
async fn a_record_is_of_one_handling() {
    let shared = Shared::new();
    let store = shared.store().await;
    let (event, owner, next) = (key(1), token(), token());
    assert_eq!(store.claim(event, owner, LEASE).await.unwrap(), Claimed::Fresh);
    let note = ParkedNote::new("shop", "no such customer");
    assert_eq!(store.park(event, owner, DAY, &note).await.unwrap(), Settled::Settled);
    assert_eq!(store.parked(10).await.unwrap().len(), 1);
    let counts = async || {
        let stats = store.stats().await.unwrap();
        (stats.parked, stats.handled)
    };
    assert_eq!(counts().await, (1, 0));
    shared.ask::<i64>(&["DEL", &format!("{}{event}", shared.prefix)]);
    for is_handled in [false, true] {
        if is_handled {
            assert_eq!(store.claim(event, next, LEASE).await.unwrap(), Claimed::Fresh);
            assert_eq!(store.complete(event, next, DAY).await.unwrap(), Settled::Settled);
        }
        assert_eq!(store.parked_event(event).await.unwrap(), None, "handled: {is_handled}");
        assert_eq!(store.parked(10).await.unwrap(), [], "handled: {is_handled}");
        assert_eq!(counts().await, (0, u64::from(is_handled)));
    }
}
