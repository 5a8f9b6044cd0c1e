//! Calls that arrive after the end of their own claim, over a real connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::{Claimed, Settled, Store, StoreErrorKind};
use countersign_redis::RedisStore;

use super::proxy::{Fate, Proxy};
use super::server::Server;
use super::{DAY, LEASE, key, token};

const KEYS: u32 = 20;
const LATER: Duration = Duration::from_millis(300);

struct Path {
    server: Server,
    proxy: Proxy,
    store: RedisStore,
}

impl Path {
    async fn new() -> Self {
        let server = Server::start(&[]);
        let proxy = Proxy::to(server.port()).await;
        let store = RedisStore::connect(proxy.url()).await.unwrap();
        // The server knows the scripts by then, so that one which is late is carried out.
        for _ in 0..2 {
            store.claim(key(KEYS), token(), LEASE).await.unwrap();
        }
        Self { server, proxy, store }
    }

    /// The next so many commands of this name have this fate; later ones pass.
    fn next(&self, times: u32, wanted: &'static str, fate: Fate) {
        let left = AtomicU32::new(times);
        self.proxy.decide(move |name| {
            let one = |left: u32| left.checked_sub(1);
            let hit = name == wanted
                && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one).is_ok();
            if hit { fate } else { Fate::Pass }
        });
    }

    /// When all has arrived, nobody holds any of the keys.
    async fn no_claim_is_left(&self) {
        self.proxy.decide(|_| Fate::Pass);
        self.proxy.all_arrived().await;
        for number in 0..KEYS {
            let claimed = self.store.claim(key(number), token(), LEASE).await.unwrap();
            assert_eq!(claimed, Claimed::Fresh, "a claim has stayed after its release");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_bytes_of_a_broken_connection_claim_nothing() {
    let path = Path::new().await;
    for number in 0..KEYS {
        let mine = token();
        path.next(1, "SET", Fate::Late(LATER));
        // The store sends it again, and that arrives first.
        assert_eq!(path.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(path.store.release(key(number), mine).await.unwrap(), Settled::Settled);
    }
    path.no_claim_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_arrives_after_its_release_claims_nothing() {
    let path = Path::new().await;
    for number in 0..KEYS {
        let mine = token();
        path.next(2, "SET", Fate::Late(LATER));
        assert!(path.store.claim(key(number), mine, LEASE).await.is_err());
        assert_eq!(path.store.release(key(number), mine).await.unwrap(), Settled::Lost);
    }
    path.no_claim_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_arrives_after_its_release_claims_nothing() {
    let path = Path::new().await;
    for number in 0..KEYS {
        let mine = token();
        assert_eq!(path.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        path.next(2, "EVALSHA", Fate::Late(LATER));
        assert!(path.store.claim(key(number), mine, LEASE).await.is_err());
        assert_eq!(path.store.release(key(number), mine).await.unwrap(), Settled::Settled);
    }
    path.no_claim_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_answer_is_lost_is_carried_out_once_and_told_as_lost() {
    let path = Path::new().await;
    for number in 0..KEYS {
        let mine = token();
        assert_eq!(path.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        path.next(1, "EVAL", Fate::Cut);
        assert_eq!(path.store.release(key(number), mine).await.unwrap(), Settled::Lost);
    }
    path.no_claim_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_arrive_twice_disturb_nobody() {
    let path = Path::new().await;
    let mut owners = Vec::new();
    path.proxy.decide(|_| Fate::Twice(LATER));
    for number in 0..KEYS {
        let (mine, other) = (token(), token());
        // Two of them, so that the second comes by the script.
        for _ in 0..2 {
            assert_eq!(path.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        }
        assert_eq!(path.store.release(key(number), mine).await.unwrap(), Settled::Settled);
        assert_eq!(path.store.claim(key(number), other, LEASE).await.unwrap(), Claimed::Fresh);
        match number % 3 {
            0 => assert_eq!(
                path.store.complete(key(number), other, DAY).await.unwrap(),
                Settled::Settled
            ),
            1 => {
                assert_eq!(path.store.release(key(number), other).await.unwrap(), Settled::Settled)
            }
            _ => {}
        }
        owners.push(other);
    }
    path.proxy.decide(|_| Fate::Pass);
    path.proxy.all_arrived().await;
    for (number, owner) in (0..KEYS).zip(owners) {
        let claimed = path.store.claim(key(number), token(), LEASE).await.unwrap();
        match number % 3 {
            0 => assert_eq!(claimed, Claimed::Done),
            1 => assert_eq!(claimed, Claimed::Fresh),
            _ => {
                assert!(matches!(claimed, Claimed::InFlight { .. }), "{claimed:?}");
                let done = path.store.complete(key(number), owner, DAY).await.unwrap();
                assert_eq!(done, Settled::Settled);
            }
        }
    }
}

/// A claim that the store sent twice: the second is told that the event is in flight, and the first
/// arrives when it is free.
#[tokio::test(flavor = "multi_thread")]
async fn late_bytes_of_a_claim_that_was_refused_claim_nothing() {
    let path = Path::new().await;
    for number in 0..KEYS {
        let (owner, other) = (token(), token());
        assert_eq!(path.store.claim(key(number), owner, LEASE).await.unwrap(), Claimed::Fresh);
        // The plain command, or the script.
        path.next(1, if number % 2 == 0 { "SET" } else { "EVALSHA" }, Fate::Late(LATER));
        let claimed = path.store.claim(key(number), other, LEASE).await.unwrap();
        assert!(matches!(claimed, Claimed::InFlight { .. }), "{claimed:?}");
        assert_eq!(path.store.release(key(number), owner).await.unwrap(), Settled::Settled);
    }
    path.no_claim_is_left().await;
}

/// The same, where the second one finds no room, and the first arrives when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn late_bytes_of_a_claim_that_found_no_room_claim_nothing() {
    let path = Path::new().await;
    for number in 0..KEYS {
        path.server.tell(&["CONFIG", "SET", "maxmemory", "1"]);
        path.next(1, if number % 2 == 0 { "SET" } else { "EVALSHA" }, Fate::Late(LATER));
        let full = path.store.claim(key(number), token(), LEASE).await.unwrap_err();
        path.server.tell(&["CONFIG", "SET", "maxmemory", "0"]);
        assert_eq!(full.kind(), StoreErrorKind::Full, "{full:?}");
    }
    path.no_claim_is_left().await;
}

#[tokio::test]
async fn leases_of_any_length_last_as_long_as_asked_for_next_to_a_release() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let short = Duration::from_millis(20);
    // The release comes before the claim, or after it.
    for (number, before) in [(1, true), (2, false)] {
        let (late, mine) = (token(), token());
        if before {
            assert_eq!(store.release(key(number), late).await.unwrap(), Settled::Lost);
        }
        assert_eq!(store.claim(key(number), mine, DAY).await.unwrap(), Claimed::Fresh);
        if !before {
            assert_eq!(store.release(key(number), late).await.unwrap(), Settled::Lost);
        }
        let claimed = store.claim(key(number), token(), LEASE).await.unwrap();
        let Claimed::InFlight { retry_after } = claimed else { panic!("{claimed:?}") };
        assert!(retry_after > DAY - LEASE && retry_after <= DAY, "{retry_after:?}");
        let left: i64 = server.ask(&["PTTL", &format!("countersign:{}", key(number))]);
        assert!((86_000_000..=86_400_000).contains(&left), "{left}");
        // A renewal may be for a shorter time than what it renews.
        assert_eq!(store.claim(key(number), mine, short).await.unwrap(), Claimed::Fresh);
        tokio::time::sleep(3 * short).await;
        assert_ne!(store.claim(key(number), late, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(key(number), mine, DAY).await.unwrap(), Settled::Lost);
        assert_eq!(store.claim(key(number), token(), LEASE).await.unwrap(), Claimed::Fresh);
    }
}

#[tokio::test]
async fn what_a_release_leaves_is_gone_after_five_minutes() {
    let server = Server::start(&[]);
    let store = server.store().await;
    let mine = token();
    assert_eq!(store.claim(key(1), mine, LEASE).await.unwrap(), Claimed::Fresh);
    assert_eq!(store.release(key(1), mine).await.unwrap(), Settled::Settled);
    let left = server.ask::<Vec<String>>(&["KEYS", "*"]);
    assert_eq!(left.len(), 2, "{left:?}");
    for name in left {
        let left: i64 = server.ask(&["PTTL", &name]);
        assert!((290_000..=300_000).contains(&left), "{name}: {left}");
    }

    // The event's key lives as long as the newest of them, whoever has the event meanwhile.
    let name = format!("countersign:{}", key(1));
    assert_eq!(store.claim(key(1), token(), LEASE / 10).await.unwrap(), Claimed::Fresh);
    server.tell(&["PEXPIRE", &name, "10000"]);
    assert_eq!(store.release(key(1), token()).await.unwrap(), Settled::Lost);
    let left: i64 = server.ask(&["PTTL", &name]);
    assert!((290_000..=300_000).contains(&left), "{left}");
}
