//! The acceptance suite for stores.

#![expect(clippy::missing_panics_doc, reason = "said once, on the suite")]

mod attempting;
mod operating;
mod overtaking;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use crate::clock::{Clock as _, SystemClock};
use crate::dedup::{ClaimToken, Claimed, Settled, Store, StoreError};
use crate::key::EventKey;
use crate::runtime::Runtime;

/// Checks a store against the contract of [`Store`]. Every store of this project passes it; if you
/// write your own, let it pass too.
///
/// Each method is a case, so that each can be a test of its own; [`run`](Self::run) is all of them.
/// A case uses keys of its own, new in every run, and leaves them in the store. It waits for leases
/// and retentions to end, so the store has to run on a real clock.
///
/// ```
/// use countersign::testing::StoreSuite;
/// use countersign::{MemoryStore, Runtime};
///
/// # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
/// let tokio = Runtime::new(
///     |task| drop(tokio::spawn(task)),
///     |time| Box::pin(tokio::time::sleep(time)),
/// );
/// StoreSuite::new(MemoryStore::new(), tokio).run().await;
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Panics
///
/// A case panics if the store breaks a promise, and says which.
#[derive(Clone, Debug)]
pub struct StoreSuite<S> {
    store: Arc<S>,
    runtime: Runtime,
}

/// Long enough that no slow machine sees it end.
const LONG: Duration = Duration::from_secs(600);
/// Short enough to be waited for.
const SHORT: Duration = Duration::from_millis(400);
/// How much a store's clock may differ in length from this process's.
const TOLERANCE: Duration = Duration::from_millis(20);

impl<S: Store> StoreSuite<S> {
    /// A suite for this store.
    #[must_use]
    pub fn new(store: S, runtime: Runtime) -> Self {
        Self { store: Arc::new(store), runtime }
    }

    /// Runs every case but [`purge`](Self::purge) and [`clock_is_the_stores`](Self::clock_is_the_stores),
    /// which need something of you. The cases of [`forget`](Store::forget), [`state`](Store::state),
    /// [`stats`](Store::stats), and of [`attempt`](Store::attempt), [`park`](Store::park) and
    /// [`parked`](Store::parked), are left out for a store that does not have these calls (an error of the
    /// kind [`Unsupported`](crate::StoreErrorKind::Unsupported)).
    pub async fn run(&self) {
        self.one_winner_each(64, 2_000).await;
        self.take_over_after_the_lease().await;
        self.retry_after_is_what_is_left().await;
        self.late_settling_is_lost().await;
        self.released_is_free_at_once().await;
        self.repeated_claim_is_the_same().await;
        self.completed_is_done().await;
        self.released_token_never_claims().await;
        self.claims_race_their_releases(200).await;
        self.forgotten_after_the_retention().await;
        self.durations_of_any_length().await;
        self.keys_are_distinct().await;
        self.dropped_calls_break_nothing().await;
        self.operating().await;
        self.attempting().await;
    }

    /// Of `claimers` that claim the same `keys` at the same time, one gets each (promise 1).
    pub async fn one_winner_each(&self, claimers: usize, keys: usize) {
        let keys: Arc<Vec<EventKey>> = Arc::new((0..keys).map(|_| new_key()).collect());
        let winners: Arc<Vec<AtomicUsize>> = Arc::new(keys.iter().map(|_| 0.into()).collect());
        let running = Arc::new(AtomicUsize::new(claimers));
        let failed = Arc::new(AtomicUsize::new(0));
        for claimer in 0..claimers {
            let (store, keys, winners) =
                (Arc::clone(&self.store), Arc::clone(&keys), Arc::clone(&winners));
            let (running, failed) = (Arc::clone(&running), Arc::clone(&failed));
            self.runtime.spawn(async move {
                // All along the same way, from a few starting points: many meet at every key.
                let start = claimer % 4 * keys.len() / 4;
                for (key, winners) in
                    keys.iter().zip(winners.iter()).cycle().skip(start).take(keys.len())
                {
                    let claimed = match ClaimToken::random() {
                        Ok(token) => claim(&*store, *key, token, LONG).await,
                        Err(error) => Err(error),
                    };
                    match claimed {
                        Ok(Claimed::Fresh) => winners.fetch_add(1, Ordering::SeqCst),
                        Ok(Claimed::InFlight { .. }) => 0,
                        Ok(Claimed::Done) | Err(_) => failed.fetch_add(1, Ordering::SeqCst),
                    };
                }
                running.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while running.load(Ordering::SeqCst) > 0 {
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(failed.load(Ordering::SeqCst), 0, "claims failed, or found a key handled");
        let count = |wanted: fn(usize) -> bool| {
            winners.iter().filter(|won| wanted(won.load(Ordering::SeqCst))).count()
        };
        assert_eq!(count(|won| won > 1), 0, "promise 1: keys with more than one owner");
        assert_eq!(count(|won| won == 0), 0, "keys that nobody could claim");
    }

    /// A key whose lease has run out can be claimed, and not before (promise 1).
    pub async fn take_over_after_the_lease(&self) {
        let (key, owner) = (new_key(), new_token());
        let asked = SystemClock.monotonic();
        assert_eq!(self.claim(key, owner, SHORT).await, Claimed::Fresh);
        if let Claimed::InFlight { retry_after } = self.claim(key, new_token(), SHORT).await {
            assert!(
                retry_after <= SHORT,
                "`retry_after` is longer than the lease: {retry_after:?}"
            );
        }
        self.until_fresh(key, new_token(), LONG).await;
        let held = since(asked);
        assert!(held + TOLERANCE >= SHORT, "promise 1: a lease of {SHORT:?} ended after {held:?}");
    }

    /// A second claim is answered how long the first one's lease still lasts, and does not change
    /// it (promise 1).
    pub async fn retry_after_is_what_is_left(&self) {
        let key = new_key();
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh);
        // Their own lease has nothing to do with it.
        let first = self.left(key, SHORT).await;
        self.runtime.sleep(SHORT + SHORT).await;
        let second = self.left(key, SHORT).await;
        assert!(
            first <= LONG && first > LONG / 2,
            "of a lease of {LONG:?}, `retry_after` is {first:?}"
        );
        assert!(
            second <= (first + TOLERANCE).saturating_sub(SHORT + SHORT) && second > LONG / 2,
            "{:?} after `retry_after` was {first:?}, it is {second:?}",
            SHORT + SHORT
        );
    }

    /// An owner whose lease has run out cannot settle, nor disturb its successor (promise 2).
    pub async fn late_settling_is_lost(&self) {
        let (key, late, successor) = (new_key(), new_token(), new_token());
        assert_eq!(self.claim(key, late, SHORT).await, Claimed::Fresh);
        self.until_fresh(key, successor, LONG).await;
        let lost = "promise 2: a late owner settled its successor's claim";
        assert_eq!(self.complete(key, late, LONG).await, Settled::Lost, "{lost}");
        self.is_in_flight(key, lost).await;
        assert_eq!(self.release(key, late).await, Settled::Lost, "{lost}");
        self.is_in_flight(key, lost).await;
        assert_eq!(self.complete(key, successor, LONG).await, Settled::Settled);
        assert_eq!(self.release(key, late).await, Settled::Lost, "{lost}");
        assert_eq!(self.complete(key, late, LONG).await, Settled::Lost, "{lost}");
        self.is_done(key, lost).await;

        let alone = new_key();
        assert_eq!(self.claim(alone, late, SHORT).await, Claimed::Fresh);
        self.runtime.sleep(SHORT + SHORT).await;
        let lost = "promise 2: an owner settled after its lease";
        assert_eq!(self.complete(alone, late, LONG).await, Settled::Lost, "{lost}");
        assert_eq!(self.release(alone, late).await, Settled::Lost, "{lost}");
        assert_eq!(self.claim(alone, successor, LONG).await, Claimed::Fresh, "{lost}");

        let nobody = new_key();
        assert_eq!(self.release(nobody, late).await, Settled::Lost, "nobody had claimed it");
        assert_eq!(self.complete(nobody, late, LONG).await, Settled::Lost, "nobody had claimed it");
        assert_eq!(self.claim(nobody, successor, LONG).await, Claimed::Fresh);
    }

    /// A released key can be claimed at once, and its former owner has nothing more to say
    /// (promises 2 and 4).
    pub async fn released_is_free_at_once(&self) {
        let (key, mut owner) = (new_key(), new_token());
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        for _ in 0..5 {
            assert_eq!(self.release(key, owner).await, Settled::Settled);
            let next = new_token();
            let free = "promise 4: a released key was not free";
            assert_eq!(self.claim(key, next, LONG).await, Claimed::Fresh, "{free}");
            assert_eq!(self.release(key, owner).await, Settled::Lost, "promise 2");
            owner = next;
        }
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled);
    }

    /// Claiming again with the same token is the same claim, and its lease starts anew
    /// (promise 3).
    pub async fn repeated_claim_is_the_same(&self) {
        let (key, owner) = (new_key(), new_token());
        let (same, anew) = (
            "promise 3: a repeated claim was another one",
            "promise 3: the lease of a repeated claim did not start anew",
        );
        assert_eq!(self.claim(key, owner, SHORT).await, Claimed::Fresh);
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh, "{same}");
        self.runtime.sleep(SHORT + SHORT).await;
        self.is_in_flight(key, anew).await;
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh, "{same}");
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled, "{same}");

        let shortened = new_key();
        assert_eq!(self.claim(shortened, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.claim(shortened, owner, SHORT).await, Claimed::Fresh, "{same}");
        self.until_fresh(shortened, new_token(), LONG).await;
    }

    /// A completed key is done for everybody; completing again changes nothing (promises 2 and 5).
    pub async fn completed_is_done(&self) {
        let (key, owner) = (new_key(), new_token());
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled);
        let again = self.complete(key, owner, LONG).await;
        assert_eq!(again, Settled::Settled, "completing again with the same token");
        self.is_done(key, "promise 5: a completed key was not done").await;
        let own = self.claim(key, owner, LONG).await;
        assert_eq!(own, Claimed::Done, "promise 5: its own token claimed a completed key");
        let released = self.release(key, owner).await;
        assert_eq!(released, Settled::Lost, "promise 5: a completed key was released");
        self.is_done(key, "promise 5: a completed key was released").await;
    }

    /// A completed key is forgotten when its retention ends, and not before, whatever its lease was
    /// (promise 5).
    pub async fn forgotten_after_the_retention(&self) {
        let (short, long, owner) = (new_key(), new_key(), new_token());
        assert_eq!(self.claim(short, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.claim(long, owner, SHORT).await, Claimed::Fresh);
        let asked = SystemClock.monotonic();
        assert_eq!(self.complete(long, owner, LONG).await, Settled::Settled);
        assert_eq!(self.complete(short, owner, SHORT).await, Settled::Settled);
        self.until_fresh(short, new_token(), LONG).await;
        let remembered = since(asked);
        assert!(
            remembered + TOLERANCE >= SHORT,
            "promise 5: a retention of {SHORT:?} ended after {remembered:?}"
        );
        self.is_done(long, "promise 5: the lease, and not the retention, ended the memory").await;
    }

    /// Leases and retentions of any length are accepted.
    pub async fn durations_of_any_length(&self) {
        let (key, owner) = (new_key(), new_token());
        assert_eq!(self.claim(key, owner, Duration::MAX).await, Claimed::Fresh);
        self.is_in_flight(key, "a lease of any length").await;
        assert_eq!(self.complete(key, owner, Duration::MAX).await, Settled::Settled);
        self.is_done(key, "a retention of any length").await;
        let brief = Duration::from_nanos(1);
        assert_eq!(self.claim(new_key(), owner, brief).await, Claimed::Fresh);
    }

    /// Keys that differ in a bit are different keys.
    pub async fn keys_are_distinct(&self) {
        let key = new_key();
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh);
        for bit in 0..128_u32 {
            let mut bytes = *key.as_bytes();
            if let Some(byte) = bytes.get_mut(bit as usize / 8) {
                *byte ^= 1 << (bit % 8);
            }
            let other = self.claim(EventKey::from_bytes(bytes), new_token(), LONG).await;
            assert_eq!(other, Claimed::Fresh, "a key that differs in bit {bit} was taken for it");
        }
    }

    /// Calls that are dropped before they have ended, as the receiver does with those that take too
    /// long, leave the store whole.
    pub async fn dropped_calls_break_nothing(&self) {
        let dropped = new_key();
        for _ in 0..50 {
            // Polled a little, so that it is under way.
            let mut claim = pin!(self.store.claim(dropped, new_token(), SHORT));
            for _ in 0..2 {
                if claim.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    break;
                }
                self.runtime.sleep(Duration::from_micros(200)).await;
            }
        }
        let (key, owner) = (new_key(), new_token());
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled);
        self.until_fresh(dropped, new_token(), LONG).await;
    }

    /// Purging, which `purge` does and tells how many keys it dropped, forgets only what has run
    /// out (promise 5).
    pub async fn purge(&self, purge: impl AsyncFn() -> u64) {
        let [gone, forgotten, held, done] = [(); 4].map(|()| new_key());
        let owner = new_token();
        for (key, lease) in [(gone, SHORT), (forgotten, LONG), (held, LONG), (done, LONG)] {
            assert_eq!(self.claim(key, owner, lease).await, Claimed::Fresh);
        }
        assert_eq!(self.complete(forgotten, owner, SHORT).await, Settled::Settled);
        assert_eq!(self.complete(done, owner, LONG).await, Settled::Settled);
        self.runtime.sleep(SHORT + SHORT).await;
        assert!(purge().await >= 2, "purging dropped less than has run out");
        self.is_in_flight(held, "promise 1: purging let go of a claim").await;
        self.is_done(done, "promise 5: purging forgot a handled event").await;
        assert_eq!(self.claim(gone, new_token(), LONG).await, Claimed::Fresh);
        assert_eq!(self.claim(forgotten, new_token(), LONG).await, Claimed::Fresh);
    }

    /// Time is the store's, not its client's. `other` is a client of the same memory as the suite's:
    /// one in a process whose clock is hours off, or nothing is shown. What one of them writes, the
    /// other one must judge rightly. Not for a store whose clock is its process's.
    pub async fn clock_is_the_stores(&self, other: impl Store) {
        let other = StoreSuite::new(other, self.runtime);
        self.is_judged_rightly_by(&other).await;
        other.is_judged_rightly_by(self).await;
    }

    async fn is_judged_rightly_by<T: Store>(&self, other: &StoreSuite<T>) {
        let [held, done, ending, forgotten] = [(); 4].map(|()| new_key());
        let owner = new_token();
        let asked = SystemClock.monotonic();
        for (key, lease) in [(held, LONG), (done, LONG), (ending, SHORT), (forgotten, LONG)] {
            assert_eq!(self.claim(key, owner, lease).await, Claimed::Fresh);
        }
        assert_eq!(self.complete(done, owner, LONG).await, Settled::Settled);
        assert_eq!(self.complete(forgotten, owner, SHORT).await, Settled::Settled);
        let left = other.left(held, LONG).await;
        assert!(
            left <= LONG && left > LONG / 2,
            "of a lease of {LONG:?}, another client sees {left:?}"
        );
        other.is_done(done, "promise 5: another client saw a retention end").await;
        for key in [ending, forgotten] {
            other.until_fresh(key, new_token(), LONG).await;
            let passed = since(asked);
            assert!(
                passed + TOLERANCE >= SHORT,
                "{SHORT:?} ended after {passed:?} for another client"
            );
        }
    }

    async fn claim(&self, key: EventKey, token: ClaimToken, lease: Duration) -> Claimed {
        let Some(claimed) = self.store.claim_at_once(key, token, lease) else {
            return answered("claim", self.store.claim(key, token, lease).await);
        };
        let claimed = answered("claim_at_once", claimed);
        if claimed == Claimed::Fresh {
            // A lease is renewed by `claim`.
            let again = answered("claim", self.store.claim(key, token, lease).await);
            assert_eq!(again, claimed, "promise 3: `claim` knew nothing of `claim_at_once`");
        }
        claimed
    }

    async fn complete(&self, key: EventKey, token: ClaimToken, retention: Duration) -> Settled {
        answered("complete", self.store.complete(key, token, retention).await)
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Settled {
        answered("release", self.store.release(key, token).await)
    }

    async fn is_in_flight(&self, key: EventKey, promise: &str) {
        let claimed = self.claim(key, new_token(), LONG).await;
        assert!(matches!(claimed, Claimed::InFlight { .. }), "{promise}: {claimed:?}");
    }

    /// What is left of the lease of whoever holds the key.
    async fn left(&self, key: EventKey, lease: Duration) -> Duration {
        match self.claim(key, new_token(), lease).await {
            Claimed::InFlight { retry_after } => retry_after,
            claimed => panic!("promise 1: a claim was not held: {claimed:?}"),
        }
    }

    async fn is_done(&self, key: EventKey, promise: &str) {
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Done, "{promise}");
    }

    /// Waits until the key can be claimed, and claims it.
    async fn until_fresh(&self, key: EventKey, token: ClaimToken, lease: Duration) {
        let started = SystemClock.monotonic();
        while self.claim(key, token, lease).await != Claimed::Fresh {
            assert!(since(started) < Duration::from_secs(30), "the key never becomes free");
            self.runtime.sleep(Duration::from_millis(10)).await;
        }
    }
}

/// How much time has passed since that one of [`SystemClock`].
fn since(earlier: Duration) -> Duration {
    SystemClock.monotonic().saturating_sub(earlier)
}

/// As the core calls it.
async fn claim<S: Store>(
    store: &S,
    key: EventKey,
    token: ClaimToken,
    lease: Duration,
) -> Result<Claimed, StoreError> {
    match store.claim_at_once(key, token, lease) {
        Some(claimed) => claimed,
        None => store.claim(key, token, lease).await,
    }
}

fn answered<T>(call: &str, answer: Result<T, StoreError>) -> T {
    match answer {
        Ok(answer) => answer,
        Err(error) => panic!("`{call}` failed: {error}"),
    }
}

fn new_token() -> ClaimToken {
    answered("ClaimToken::random", ClaimToken::random())
}

/// A key that no other run has.
fn new_key() -> EventKey {
    EventKey::from_bytes(*new_token().as_bytes())
}
