//! What operators do: forgetting a handled event, and looking (promise 7).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{LONG, SHORT, StoreSuite, answered, claim, new_key, new_token};
use crate::dedup::{
    Claimed, EventState, Forgotten, Settled, Store, StoreError, StoreErrorKind, StoreStats,
};
use crate::key::EventKey;
use crate::runtime::Runtime;

const FENCED: &str = "promise 7: an event that was being handled was forgotten";
const AGAIN: &str = "promise 7: an event that was forgotten was not accepted again";
const NEVER: &str = "promise 7: the token of a forgotten event claimed again";

/// What the tasks of one race have seen.
#[derive(Default)]
struct Race {
    busy: AtomicBool,
    together: AtomicUsize,
    handled: AtomicUsize,
    lost: AtomicUsize,
    forgotten: AtomicUsize,
    failed: AtomicUsize,
}

impl<S: Store> StoreSuite<S> {
    /// A handled event is accepted again, and no other: not one that is being handled, that nobody has
    /// claimed, or that has run out (promise 7).
    pub async fn forgets_what_is_handled(&self) {
        let (key, first) = (new_key(), new_token());
        assert_eq!(self.forget(key).await, Forgotten::NotHandled);
        assert_eq!(self.claim(key, first, LONG).await, Claimed::Fresh);
        match self.forget(key).await {
            Forgotten::InFlight { retry_after } => assert!(
                retry_after <= LONG && retry_after > LONG / 2,
                "of a lease of {LONG:?}, `retry_after` is {retry_after:?}"
            ),
            other => panic!("{FENCED}: {other:?}"),
        }
        self.is_in_flight(key, FENCED).await;
        assert_eq!(self.complete(key, first, LONG).await, Settled::Settled, "{FENCED}");
        assert_eq!(self.forget(key).await, Forgotten::Forgotten);
        assert_eq!(self.forget(key).await, Forgotten::NotHandled, "it was forgotten twice");
        let second = new_token();
        assert_eq!(self.claim(key, second, LONG).await, Claimed::Fresh, "{AGAIN}");
        assert!(matches!(self.forget(key).await, Forgotten::InFlight { .. }), "{FENCED}");
        assert_eq!(self.complete(key, second, LONG).await, Settled::Settled);
        self.is_done(key, "promise 5: a completed key was not done").await;
        assert_eq!(self.forget(key).await, Forgotten::Forgotten);
        assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh, "{AGAIN}");

        let [claimed, done] = [(); 2].map(|()| new_key());
        assert_eq!(self.claim(claimed, first, SHORT).await, Claimed::Fresh);
        assert_eq!(self.claim(done, first, LONG).await, Claimed::Fresh);
        assert_eq!(self.complete(done, first, SHORT).await, Settled::Settled);
        self.runtime.sleep(SHORT + SHORT).await;
        for key in [claimed, done] {
            assert_eq!(self.forget(key).await, Forgotten::NotHandled, "its time was over");
            assert_eq!(self.claim(key, new_token(), LONG).await, Claimed::Fresh);
        }
    }

    /// The token that had completed a forgotten event never claims it again, whatever of its calls is
    /// late, keeps nobody else from claiming, and settles nothing. Tokens that were released before
    /// stay released (promises 6 and 7).
    pub async fn forgotten_token_never_claims(&self) {
        let (key, released, owner) = (new_key(), new_token(), new_token());
        assert_eq!(self.claim(key, released, LONG).await, Claimed::Fresh);
        assert_eq!(self.release(key, released).await, Settled::Settled);
        assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Settled);
        assert_eq!(self.forget(key).await, Forgotten::Forgotten);
        for late in [owner, released, owner] {
            assert_ne!(self.claim(key, late, LONG).await, Claimed::Fresh, "{NEVER}");
            assert_eq!(self.complete(key, late, LONG).await, Settled::Lost, "{NEVER}");
        }
        let next = new_token();
        assert_eq!(self.claim(key, next, LONG).await, Claimed::Fresh, "{AGAIN}");
        assert_eq!(self.complete(key, owner, LONG).await, Settled::Lost, "promise 2");
        assert_eq!(self.release(key, owner).await, Settled::Lost, "promise 2");
        self.is_in_flight(key, "promise 2: a late owner settled its successor's claim").await;
        assert_eq!(self.complete(key, next, LONG).await, Settled::Settled);
        for late in [owner, released] {
            assert_eq!(self.claim(key, late, LONG).await, Claimed::Done);
        }
    }

    /// Handlers and operators that meet at the same events: an event is handled once, and once more
    /// for each time that it was forgotten, by one handler at a time (promises 1 and 7).
    pub async fn forgets_race_handlers(&self, events: usize) {
        let (races, running) = ((0..events).map(|_| Arc::new(Race::default())), Arc::new(()));
        let races: Vec<_> = races.map(|race| (new_key(), race)).collect();
        for (key, race) in &races {
            for number in 0..6 {
                let (store, key, race) = (Arc::clone(&self.store), *key, Arc::clone(race));
                let (running, runtime) = (Arc::clone(&running), self.runtime);
                self.runtime.spawn(async move {
                    for round in 0..8 {
                        match number {
                            0 | 1 => operate(&*store, key, &race).await,
                            _ => handle(&*store, key, &race, runtime).await,
                        }
                        let wait = (number * 7 + round * 3) % 5;
                        runtime.sleep(Duration::from_micros(200 * wait)).await;
                    }
                    drop(running);
                });
            }
        }
        self.until_alone(&running).await;
        for (key, race) in races {
            let Race { together, handled, lost, forgotten, failed, .. } = &*race;
            let [together, handled, lost, forgotten, failed] =
                [together, handled, lost, forgotten, failed]
                    .map(|count| count.load(Ordering::SeqCst));
            assert_eq!(failed, 0, "calls failed");
            assert_eq!(lost, 0, "{FENCED}");
            assert_eq!(together, 0, "promise 1: an event was handled twice at the same time");
            let remembered = match self.state(key).await {
                EventState::Handled { .. } => 1,
                EventState::InFlight { left } => panic!("a claim stayed, for {left:?}"),
                _ => 0,
            };
            assert_eq!(
                handled,
                forgotten + remembered,
                "promise 7: handled {handled} times, forgotten {forgotten} times, and then \
                 remembered {remembered} times"
            );
        }
    }

    /// The state of an event, and how much is held, as they are.
    pub async fn shows_what_it_holds(&self) {
        let before = self.stats().await;
        let [handled, claimed, freed, gone, unknown] = [(); 5].map(|()| new_key());
        let owner = new_token();
        for key in [handled, claimed, freed, gone] {
            assert_eq!(self.claim(key, owner, LONG).await, Claimed::Fresh);
        }
        for key in [handled, gone] {
            assert_eq!(self.complete(key, owner, 2 * LONG).await, Settled::Settled);
        }
        assert_eq!(self.release(freed, owner).await, Settled::Settled);
        assert_eq!(self.state(unknown).await, EventState::Unknown);
        assert_eq!(self.state(freed).await, EventState::Released);
        match (self.state(handled).await, self.state(claimed).await) {
            (EventState::Handled { left: retention }, EventState::InFlight { left: lease }) => {
                assert!(retention <= 2 * LONG && retention > LONG, "{retention:?}");
                assert!(lease <= LONG && lease > LONG / 2, "{lease:?}");
            }
            other => panic!("handled and claimed are {other:?}"),
        }
        assert_eq!(self.forget(gone).await, Forgotten::Forgotten);
        assert_eq!(self.state(gone).await, EventState::Released);
        let after = self.stats().await;
        // Others may use the store.
        assert!(after.handled > 0 && after.in_flight > 0 && after.released > 1, "{after:?}");
        if before == StoreStats::new() {
            let wanted = StoreStats { in_flight: 1, handled: 1, released: 2, ..StoreStats::new() };
            assert_eq!(after, wanted, "of an empty store, to which these were added");
        }
    }

    /// The cases of the calls that the store has.
    pub(super) async fn operating(&self) {
        if is_there(&self.store.forget(new_key()).await) {
            self.forgets_what_is_handled().await;
            self.forgotten_token_never_claims().await;
            let looks = is_there(&self.store.state(new_key()).await);
            if looks && is_there(&self.store.stats().await) {
                self.shows_what_it_holds().await;
            }
            if looks {
                self.forgets_race_handlers(20).await;
            }
        }
    }

    pub(super) async fn forget(&self, key: EventKey) -> Forgotten {
        answered("forget", self.store.forget(key).await)
    }

    pub(super) async fn state(&self, key: EventKey) -> EventState {
        answered("state", self.store.state(key).await)
    }

    pub(super) async fn stats(&self) -> StoreStats {
        answered("stats", self.store.stats().await)
    }
}

pub(super) fn is_there<T>(answer: &Result<T, StoreError>) -> bool {
    answer.as_ref().err().is_none_or(|error| error.kind() != StoreErrorKind::Unsupported)
}

async fn operate<S: Store>(store: &S, key: EventKey, race: &Race) {
    match store.forget(key).await {
        Ok(Forgotten::Forgotten) => race.forgotten.fetch_add(1, Ordering::SeqCst),
        Ok(_) => 0,
        Err(_) => race.failed.fetch_add(1, Ordering::SeqCst),
    };
}

async fn handle<S: Store>(store: &S, key: EventKey, race: &Race, runtime: Runtime) {
    let token = new_token();
    match claim(store, key, token, LONG).await {
        Ok(Claimed::Fresh) => {}
        Ok(_) => return,
        Err(_) => {
            race.failed.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
    if race.busy.swap(true, Ordering::SeqCst) {
        race.together.fetch_add(1, Ordering::SeqCst);
    }
    runtime.sleep(Duration::from_micros(300)).await;
    race.busy.store(false, Ordering::SeqCst);
    let settled = store.complete(key, token, LONG).await;
    let count = match settled {
        Ok(Settled::Settled) => &race.handled,
        Ok(Settled::Lost) => &race.lost,
        Err(_) => &race.failed,
    };
    count.fetch_add(1, Ordering::SeqCst);
}
