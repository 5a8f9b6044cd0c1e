//! Random schedules: claims, renewals, releases and completions of a few events by many tasks, over
//! connections that delay, break and repeat.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use countersign::{ClaimToken, Claimed, Settled, Store};
use countersign_redis::RedisStore;

use super::proxy::{Fate, Proxy};
use super::shared::Shared;
use super::{DAY, LEASE, key, token};

const EVENTS: u32 = 6;
const TASKS: u32 = 12;
const STEPS: u32 = 12;

/// Random numbers that a seed repeats: SplitMix64. Shared by the proxy's connections.
struct Dice(AtomicU64);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    /// Nobody sends a claim twice behind the store's back, so of what is sent twice in this way only
    /// releases are. What the store sends twice, it does itself.
    fn fate(&self, name: &str) -> Fate {
        let time = Duration::from_millis(self.below(60));
        match self.below(100) {
            0..=7 => Fate::Late(time),
            8..=15 => Fate::Cut,
            16..=27 if name == "EVAL" => Fate::Twice(time),
            28..=39 => Fate::Stall(time / 10),
            _ => Fate::Pass,
        }
    }
}

/// What is known of an event.
#[derive(Clone, Copy)]
enum Known {
    Free,
    /// A token was told that the event is its own, and has not begun to settle.
    Owned(ClaimToken),
    /// Its owner has begun to complete it.
    Done,
}

/// What is known of each event.
#[derive(Clone)]
struct World(Arc<Vec<Mutex<Known>>>);

impl World {
    fn new() -> Self {
        Self(Arc::new((0..EVENTS).map(|_| Mutex::new(Known::Free)).collect()))
    }

    fn of(&self, event: u32) -> std::sync::MutexGuard<'_, Known> {
        self.0[event as usize].lock().unwrap()
    }

    fn claimed(&self, event: u32, mine: ClaimToken) {
        let mut known = self.of(event);
        match *known {
            Known::Free => *known = Known::Owned(mine),
            Known::Owned(owner) => assert_eq!(owner, mine, "event {event} has two owners"),
            Known::Done => panic!("event {event} was handled twice"),
        }
    }
}

/// Claims an event, renews the claim a few times, settles it. A call that failed may have been
/// carried out, may be yet, or never will.
async fn one_claim(store: &RedisStore, world: &World, dice: &Dice, event: u32) {
    let mine = token();
    let patience = Duration::from_millis(5 + dice.below(100));
    let claim = tokio::time::timeout(patience, store.claim(key(event), mine, LEASE)).await;
    let is_mine = match claim {
        Ok(Ok(Claimed::Fresh)) => true,
        // As the core does: whether it was claimed is open, so it is released.
        Ok(Err(_)) | Err(_) => false,
        Ok(Ok(_)) => return,
    };
    if is_mine {
        world.claimed(event, mine);
        for _ in 0..dice.below(3) {
            let renewal = store.claim(key(event), mine, LEASE);
            if let Ok(Ok(claimed)) = tokio::time::timeout(patience, renewal).await {
                assert_eq!(claimed, Claimed::Fresh, "a renewal was refused");
            }
        }
        if dice.below(4) == 0 {
            *world.of(event) = Known::Done;
            let settled = until_answered(|| store.complete(key(event), mine, DAY)).await;
            assert_eq!(settled, Settled::Settled, "an owner has lost event {event}");
            return;
        }
        *world.of(event) = Known::Free;
    }
    let _ = until_answered(|| store.release(key(event), mine)).await;
}

/// Repeats a call until it is answered.
async fn until_answered<F>(call: impl Fn() -> F) -> Settled
where
    F: Future<Output = Result<Settled, countersign::StoreError>>,
{
    for _ in 0..200 {
        if let Ok(settled) = call().await {
            return settled;
        }
    }
    panic!("a call is never answered")
}

async fn schedule(seed: u64) {
    let shared = Shared::new();
    let dice = Arc::new(Dice(seed.into()));
    let proxy = Proxy::to(shared.port()).await;
    let builder = RedisStore::builder().prefix(&shared.prefix);
    let store = builder.connect(proxy.url()).await.unwrap();
    let fates = Arc::clone(&dice);
    proxy.decide(move |name| fates.fate(name));
    let world = World::new();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (store, world, dice) = (store.clone(), world.clone(), Arc::clone(&dice));
            tokio::spawn(async move {
                for _ in 0..STEPS {
                    let event = dice.below(EVENTS.into()) as u32;
                    one_claim(&store, &world, &dice, event).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("see above");
    }
    proxy.decide(|_| Fate::Pass);
    proxy.all_arrived().await;
    for event in 0..EVENTS {
        let claimed = store.claim(key(event), token(), LEASE).await.unwrap();
        let expected = match *world.of(event) {
            Known::Done => Claimed::Done,
            _ => Claimed::Fresh,
        };
        assert_eq!(claimed, expected, "event {event}, when all has ended and arrived");
    }
}

/// Repeat a run with `COUNTERSIGN_SEED`. The server and the network have their own time, so a
/// failure comes back often, not always.
#[tokio::test(flavor = "multi_thread")]
async fn no_schedule_leaves_a_claim_or_makes_two_owners() {
    let given = std::env::var("COUNTERSIGN_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let long = std::env::var_os("COUNTERSIGN_LONG").is_some();
    let runs = if given.is_some() || long { 200 } else { 4 };
    for run in 0..runs {
        let seed = given.unwrap_or(now.wrapping_add(run));
        let running = tokio::spawn(schedule(seed));
        let limit = Duration::from_secs(120);
        match tokio::time::timeout(limit, running).await {
            Ok(Ok(())) => {}
            Ok(Err(failed)) => panic!("COUNTERSIGN_SEED={seed} fails: {failed}"),
            Err(_) => panic!("COUNTERSIGN_SEED={seed} does not end"),
        }
    }
}
