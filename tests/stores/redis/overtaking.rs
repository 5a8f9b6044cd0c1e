//! Calls that arrive after the end of their own claim, over a real connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use countersign::{Claimed, Settled, Store};
use countersign_redis::RedisStore;

use super::proxy::{Fate, Proxy};
use super::server::Server;
use super::{DAY, LEASE, key, token};

const KEYS: u32 = 20;
const LATER: Duration = Duration::from_millis(300);

struct Path {
    _server: Server,
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
        Self { _server: server, proxy, store }
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
