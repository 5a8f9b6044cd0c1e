//! PostgreSQL: calls that overtake each other on the way to it.

use std::time::Duration;

use countersign::testing::StoreSuite;
use countersign::{Claimed, EventKey, Runtime, Settled, Store};
use countersign_sqlx::PostgresStore;
use tokio::sync::watch;

use super::proxy::{Fate, Next, Proxy};
use super::{DAY, LEASE, Schema, failure, look, new_key, promptly, token, until};

const ENDED: Claimed = Claimed::InFlight { retry_after: Duration::ZERO };

/// A store whose connections are stalled, and one beside it whose are not.
struct Both {
    schema: Schema,
    stalled: PostgresStore,
    direct: PostgresStore,
    next: Next,
    /// The kind of message that has a call's values in it.
    values: u8,
}

impl Both {
    async fn new(prepared: bool) -> Self {
        let (schema, direct, _) = Schema::migrated().await;
        let next = Next::default();
        let proxy = Proxy::to(&schema.options(), next.decide()).await;
        let pool = schema.pool_with(4, |options| proxy.through(options));
        let stalled = PostgresStore::builder(pool).schema(&schema.name);
        let stalled = stalled.prepared_statements(prepared).build().unwrap();
        // So that it has found its table, and prepared its statements.
        let (first, mine) = (new_key(), token());
        assert_eq!(stalled.claim(first, mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(stalled.release(first, mine).await.unwrap(), Settled::Settled);
        let values = if prepared { b'B' } else { b'Q' };
        Self { schema, stalled, direct, next, values }
    }

    /// Holds back the next call for this key; `true` lets it pass.
    fn hold(&self, key: EventKey) -> watch::Sender<bool> {
        let (pass, held) = watch::channel(false);
        self.next.meets(self.values, key.to_string(), Fate::Held(held));
        pass
    }
}

#[tokio::test]
async fn a_claim_that_stalls_comes_after_its_release() {
    for prepared in [false, true] {
        let both = Both::new(prepared).await;
        let (key, mine) = (new_key(), token());
        let pass = both.hold(key);
        let store = both.stalled.clone();
        let claim = tokio::spawn(async move { store.claim(key, mine, LEASE).await });
        both.next.have_come().await;
        assert_eq!(promptly(both.direct.release(key, mine)).await.unwrap(), Settled::Lost);
        pass.send(true).unwrap();
        assert_eq!(claim.await.unwrap().unwrap(), ENDED);
        assert_eq!(look(&both.direct, key).await, Claimed::Fresh);
    }
}

/// Nobody waits for its answer: the request was cancelled.
#[tokio::test]
async fn a_claim_that_nobody_waits_for_comes_after_its_release() {
    let both = Both::new(false).await;
    let (key, mine) = (new_key(), token());
    let pass = both.hold(key);
    let claim = both.stalled.claim(key, mine, LEASE);
    assert!(tokio::time::timeout(Duration::from_millis(100), claim).await.is_err());
    both.next.have_come().await;
    // By another connection of the same pool.
    assert_eq!(both.stalled.release(key, mine).await.unwrap(), Settled::Lost);
    pass.send(true).unwrap();
    // The connection comes back to the pool when the claim has been carried out.
    for _ in 0..8 {
        assert_eq!(both.stalled.claim(key, mine, LEASE).await.unwrap(), ENDED);
    }
    assert_eq!(look(&both.direct, key).await, Claimed::Fresh);
}

#[tokio::test]
async fn a_renewal_that_stalls_comes_after_its_release() {
    for prepared in [false, true] {
        for successor in [false, true] {
            let both = Both::new(prepared).await;
            let (key, mine) = (new_key(), token());
            assert_eq!(both.direct.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
            let pass = both.hold(key);
            let store = both.stalled.clone();
            let renewal = tokio::spawn(async move { store.claim(key, mine, LEASE).await });
            both.next.have_come().await;
            assert_eq!(both.direct.release(key, mine).await.unwrap(), Settled::Settled);
            let other = token();
            if successor {
                assert_eq!(both.direct.claim(key, other, LEASE).await.unwrap(), Claimed::Fresh);
            }
            pass.send(true).unwrap();
            let renewed = renewal.await.unwrap().unwrap();
            assert!(matches!(renewed, Claimed::InFlight { .. }), "{renewed:?}");
            let claimed = both.direct.claim(key, other, LEASE).await.unwrap();
            assert_eq!(claimed, Claimed::Fresh, "the successor's claim is whole");
        }
    }
}

/// The claim's row is there and not committed, so nobody can see it.
#[tokio::test]
async fn a_release_does_not_wait_for_ever_for_a_claim_that_stalls_before_its_commit() {
    let both = Both::new(true).await;
    let (key, mine) = (new_key(), token());
    let pass = both.hold(key);
    let (commit, held) = watch::channel(false);
    let store = both.stalled.clone();
    let claim = tokio::spawn(async move { store.claim(key, mine, LEASE).await });
    both.next.have_come().await;
    both.next.meets(b'S', "", Fate::Held(held));
    pass.send(true).unwrap();
    both.next.have_come().await;
    let pool = both.schema.pool(1);
    let written = "SELECT count(*) FROM pg_stat_activity \
        WHERE application_name = current_schema() AND backend_xid IS NOT NULL";
    until(async || sqlx::query_scalar::<_, i64>(written).fetch_one(&pool).await.unwrap() > 0).await;
    let released = tokio::time::timeout(Duration::from_secs(10), both.direct.release(key, mine));
    let (_, text) = failure(released.await.expect("it waits for ever"));
    assert!(text.contains("lock timeout") || text.contains("still open"), "{text}");
    commit.send(true).unwrap();
    assert_eq!(claim.await.unwrap().unwrap(), Claimed::Fresh);
    // It is told again, as the core does.
    assert_eq!(both.direct.release(key, mine).await.unwrap(), Settled::Settled);
    assert_eq!(look(&both.direct, key).await, Claimed::Fresh);
}

/// Claims, renewals and releases that are late, sent twice, and cut off from their answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_race_their_releases_on_a_bad_way() {
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    println!("seed {seed}");
    let dice = std::sync::Mutex::new(u64::from(seed) | 1);
    let decide = move |kind: u8, text: &str| {
        let mut dice = dice.lock().unwrap();
        // xorshift
        *dice ^= *dice << 13;
        *dice ^= *dice >> 7;
        *dice ^= *dice << 17;
        let late = Duration::from_micros(*dice >> 8 & 0x3fff);
        let is_call = kind == b'Q' && text.contains("countersign");
        is_call.then_some(())?;
        match *dice & 15 {
            0 => Some(Fate::Broken),
            1 => Some(Fate::Unanswered),
            2..=6 => Some(Fate::Late(late)),
            7..=9 => Some(Fate::Twice(late * 3)),
            _ => None,
        }
    };
    let (schema, direct, _) = Schema::migrated().await;
    let proxy = Proxy::to(&schema.options(), decide).await;
    let pool = schema.pool_with(12, |options| proxy.through(options));
    let bad = schema.store(&pool);
    let mut deliveries = tokio::task::JoinSet::new();
    for number in 0..24 {
        let (bad, direct) = (bad.clone(), direct.clone());
        deliveries.spawn(async move {
            let key = new_key();
            for _ in 0..6 {
                let mine = token();
                let claims: Vec<_> = (0..3)
                    .map(|_| {
                        let bad = bad.clone();
                        tokio::spawn(async move { bad.claim(key, mine, LEASE).await })
                    })
                    .collect();
                tokio::time::sleep(Duration::from_millis(number % 8)).await;
                while bad.release(key, mine).await.is_err() {}
                for claim in claims {
                    let _ = claim.await.unwrap();
                }
            }
            // What is sent twice is late as well.
            tokio::time::sleep(Duration::from_millis(200)).await;
            let last = token();
            let claimed = direct.claim(key, last, LEASE).await.unwrap();
            assert_eq!(claimed, Claimed::Fresh, "seed {seed}: a claim stays");
            assert_eq!(direct.complete(key, last, DAY).await.unwrap(), Settled::Settled);
        });
    }
    while let Some(delivery) = deliveries.join_next().await {
        delivery.unwrap();
    }
}

/// The acceptance suite's races, on a way that is slow now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suites_races_on_a_slow_way() {
    let count = std::sync::atomic::AtomicU64::new(0);
    let decide = move |kind: u8, _: &str| {
        let count = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let slow = kind == b'Q' && count.is_multiple_of(3);
        slow.then(|| Fate::Late(Duration::from_millis(count % 20)))
    };
    let (schema, _, _) = Schema::migrated().await;
    let proxy = Proxy::to(&schema.options(), decide).await;
    let store = schema.store(&schema.pool_with(16, |options| proxy.through(options)));
    let tokio =
        Runtime::new(|task| drop(tokio::spawn(task)), |time| Box::pin(tokio::time::sleep(time)));
    let suite = StoreSuite::new(store, tokio);
    suite.claims_race_their_releases(100).await;
}
