//! PostgreSQL: who carries out what has queued, and what happens when they are cut short.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use countersign::{Claimed, Settled, Store, StoreErrorKind};
use countersign_sqlx::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::proxy::{Fate, Next, Proxy};
use super::together::{Queue, a_moment, is_key, soon};
use super::{DAY, LEASE, Schema, failure, is_in_flight, key, look, token, until};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// One that works while the test is at something else.
fn working() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A store whose messages can be held back.
struct Stalling {
    _schema: Schema,
    store: PostgresStore,
    direct: PostgresStore,
    next: Next,
}

impl Stalling {
    async fn new(connections: u32) -> Self {
        let (schema, direct, _) = Schema::migrated().await;
        let next = Next::default();
        let proxy = Proxy::to(&schema.options(), next.decide()).await;
        let store = schema.store(&schema.pool_with(connections, |options| proxy.through(options)));
        store.check().await.unwrap();
        assert_eq!(look(&store, key(u32::MAX)).await, Claimed::Fresh);
        Self { _schema: schema, store, direct, next }
    }

    /// Holds back the next message with this key.
    fn hold(&self, number: u32) -> watch::Sender<bool> {
        let (pass, held) = watch::channel(false);
        self.next.meets(b'Q', key(number).to_string(), Fate::Held(held));
        pass
    }
}

#[tokio::test]
async fn a_cancelled_claim_in_the_queue_is_not_made() {
    let queue = Queue::new(false).await;
    let held = queue.hold().await;
    let claims: Vec<_> = (0..200).map(|number| queue.claim(key(number), token())).collect();
    a_moment().await;
    for claim in claims.iter().skip(1).step_by(2) {
        claim.abort();
    }
    a_moment().await;
    drop(held);
    for (number, claim) in claims.into_iter().enumerate() {
        match soon(claim).await {
            Ok(claimed) => assert_eq!(claimed.unwrap(), Claimed::Fresh),
            Err(error) => assert!(number % 2 == 1 && error.is_cancelled()),
        }
    }
    for number in 0..200 {
        let claimed = look(&queue.direct, key(number)).await;
        assert_eq!(is_in_flight(claimed), number % 2 == 0, "{number}: {claimed:?}");
    }
}

#[tokio::test]
async fn a_settlement_in_the_queue_is_done_though_nobody_waits_for_it() {
    let queue = Queue::new(false).await;
    let mine = token();
    for number in 0..4 {
        assert_eq!(queue.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
    }
    let held = queue.hold().await;
    let asked = [
        queue.complete(key(0), mine),
        queue.release(key(1), mine),
        queue.complete(key(2), mine),
        queue.release(key(3), mine),
    ];
    a_moment().await;
    asked.iter().for_each(tokio::task::JoinHandle::abort);
    a_moment().await;
    drop(held);
    until(async || queue.store.is_completed(key(2), mine).await.unwrap()).await;
    until(async || queue.store.is_completed(key(0), mine).await.unwrap()).await;
    for number in [1, 3] {
        let is_free = async || !is_in_flight(look(&queue.direct, key(number)).await);
        until(is_free).await;
    }
}

/// Two tokens for each key, cancelled at all kinds of moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_calls_that_are_cancelled_at_random_none_takes_anothers_answer() {
    for prepared in [false, true] {
        let (schema, direct, pool) = Schema::migrated().await;
        let store = PostgresStore::builder(pool).schema(&schema.name);
        let store = store.prepared_statements(prepared).build().unwrap();
        for round in 0..5 {
            let calls: Vec<_> = (0..200)
                .map(|number| {
                    let (store, key) = (store.clone(), key(round * 100 + number / 2));
                    let time = Duration::from_micros(u64::from(number * 7919 % 200) * 100);
                    tokio::spawn(async move {
                        let mine = token();
                        let claim = store.claim(key, mine, LEASE);
                        let claimed = match number / 2 % 2 {
                            0 => claim.await.unwrap(),
                            _ => tokio::time::timeout(time, claim).await.ok()?.unwrap(),
                        };
                        Some((key, mine, claimed))
                    })
                })
                .collect();
            let mut winners = std::collections::HashMap::new();
            for (number, call) in calls.into_iter().enumerate() {
                let answer = soon(call).await.unwrap();
                assert!(answer.is_some() || number / 2 % 2 == 1, "an answer was lost");
                let Some((key, mine, claimed)) = answer else { continue };
                match claimed {
                    Claimed::Fresh => assert!(winners.insert(key, mine).is_none(), "claimed twice"),
                    Claimed::InFlight { .. } => {}
                    other => panic!("nobody has completed it: {other:?}"),
                }
            }
            for number in (0..100).filter(|number| number % 2 == 0) {
                assert!(winners.contains_key(&key(round * 100 + number)), "{number}: no winner");
            }
            for (key, mine) in winners {
                // Who has won holds it.
                assert_eq!(direct.claim(key, mine, LEASE).await.unwrap(), Claimed::Fresh);
            }
        }
    }
}

/// Between its statements the store needs no connection.
#[tokio::test]
async fn a_handler_may_need_the_only_connection() {
    let queue = Queue::new(false).await;
    for number in 0..20 {
        let mine = token();
        assert_eq!(queue.store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        let tx = soon(queue.pool.begin()).await.unwrap();
        let complete = queue.complete(key(number), mine);
        a_moment().await;
        tx.commit().await.unwrap();
        assert_eq!(soon(complete).await.unwrap().unwrap(), Settled::Settled);
    }
}

/// However many claims there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_gets_the_only_connection_under_load() {
    let queue = Queue::new(false).await;
    let goes_on = Arc::new(AtomicBool::new(true));
    let claimers: Vec<_> = (0..16)
        .map(|_| {
            let (store, goes_on) = (queue.store.clone(), Arc::clone(&goes_on));
            tokio::spawn(async move {
                while goes_on.load(Ordering::SeqCst) {
                    assert_eq!(look(&store, super::new_key()).await, Claimed::Fresh);
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let mut connection = soon(queue.pool.acquire()).await.unwrap();
        sqlx::query("SELECT 1").execute(&mut *connection).await.unwrap();
    }
    assert!(!claimers.iter().any(tokio::task::JoinHandle::is_finished));
    goes_on.store(false, Ordering::SeqCst);
    for claimer in claimers {
        soon(claimer).await.unwrap();
    }
}

#[tokio::test]
async fn a_pool_that_is_closed_fails_what_has_queued() {
    let queue = Queue::new(false).await;
    let held = queue.hold().await;
    let claims: Vec<_> = (0..20).map(|number| queue.claim(key(number), token())).collect();
    a_moment().await;
    let pool = queue.pool.clone();
    let close = tokio::spawn(async move { pool.close().await });
    a_moment().await;
    drop(held);
    for claim in claims {
        let (kind, text) = failure(soon(claim).await.unwrap());
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("closed"), "{text}");
    }
    soon(close).await.unwrap();
    assert!(queue.store.complete(key(1), token(), DAY).await.is_err());
}

#[tokio::test]
async fn a_connection_that_is_killed_fails_its_calls_and_no_other() {
    let queue = Queue::new(false).await;
    queue.meets(&is_key(7), "PERFORM pg_sleep(60)").await;
    let held = queue.hold().await;
    let claims: Vec<_> = (0..20).map(|number| queue.claim(key(number), token())).collect();
    a_moment().await;
    drop(held);
    let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
        WHERE application_name = current_schema() AND wait_event = 'PgSleep'";
    let kill = async || sqlx::query_scalar::<_, i64>(kill).fetch_one(&queue.other).await.unwrap();
    until(async || kill().await > 0).await;
    let (mut failed, mut fresh) = (0, 0);
    for claim in claims {
        match soon(claim).await.unwrap() {
            Ok(claimed) => {
                assert_eq!(claimed, Claimed::Fresh);
                fresh += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                failed += 1;
            }
        }
    }
    assert!(failed > 0, "{fresh} claims were made");
    assert_eq!(soon(queue.claim(key(30), token())).await.unwrap().unwrap(), Claimed::Fresh);
}

/// Both lanes wait for a server that does not answer. The third call does not.
#[tokio::test]
async fn stalled_connections_stop_no_other_call() {
    let stalling = Stalling::new(8).await;
    let mut held = Vec::new();
    for number in 0..4 {
        let pass = stalling.hold(number);
        let store = stalling.store.clone();
        let claim = tokio::spawn(async move { look(&store, key(number)).await });
        soon(stalling.next.have_come()).await;
        held.push((pass, claim));
    }
    for number in 10..14 {
        assert_eq!(soon(look(&stalling.store, key(number))).await, Claimed::Fresh);
    }
    for (pass, claim) in held {
        pass.send(true).unwrap();
        assert_eq!(soon(claim).await.unwrap(), Claimed::Fresh);
    }
}

/// A statement that nobody waits for any more is given up: more often than there are seats for lanes.
#[tokio::test]
async fn what_nobody_waits_for_is_given_up() {
    let stalling = Stalling::new(40).await;
    let mut held = Vec::new();
    for number in 0..24 {
        held.push(stalling.hold(number));
        let store = stalling.store.clone();
        let claim = tokio::spawn(async move { store.claim(key(number), token(), LEASE).await });
        soon(stalling.next.have_come()).await;
        claim.abort();
    }
    assert_eq!(soon(look(&stalling.store, key(100))).await, Claimed::Fresh);
    held.iter().for_each(|pass| pass.send(true).unwrap());
    // They arrive all the same.
    until(async || is_in_flight(look(&stalling.direct, key(0)).await)).await;
}

/// As in actix, where each worker has a runtime and one may be at something long.
#[test]
fn a_runtime_that_is_blocked_stops_nobody_else() {
    let runtime = runtime();
    let stalling = runtime.block_on(Stalling::new(8));
    let (done, is_done) = mpsc::channel::<()>();
    let (asked, has_asked) = mpsc::channel();
    let store = stalling.store.clone();
    let blocked = std::thread::spawn(move || {
        self::runtime().block_on(async {
            let claims = [1, 2].map(|number| {
                let store = store.clone();
                tokio::spawn(async move { store.claim(key(number), token(), LEASE).await })
            });
            // The lanes have their seats, and get no further.
            tokio::task::yield_now().await;
            asked.send(()).unwrap();
            let _ = is_done.recv_timeout(Duration::from_secs(60));
            for claim in claims {
                assert_eq!(claim.await.unwrap().unwrap(), Claimed::Fresh);
            }
        });
    });
    has_asked.recv_timeout(Duration::from_secs(30)).unwrap();
    runtime.block_on(async {
        for number in 10..14 {
            assert_eq!(soon(look(&stalling.store, key(number))).await, Claimed::Fresh);
        }
    });
    done.send(()).unwrap();
    blocked.join().unwrap();
}

/// Its statement is lost with it, and what had queued behind is not.
#[test]
fn a_runtime_that_ends_strands_nobody_else() {
    let runtime = working();
    let stalling = runtime.block_on(Stalling::new(1));
    let pass = stalling.hold(1);
    let ending = self::runtime();
    let claim = |number: u32| {
        let store = stalling.store.clone();
        async move { store.claim(key(number), token(), LEASE).await }
    };
    // One lane has sent its statement, the other one waits for the only connection.
    ending.spawn(claim(1));
    ending.block_on(stalling.next.have_come());
    ending.spawn(claim(2));
    ending.block_on(a_moment());
    let behind = [3, 4, 5].map(|number| runtime.spawn(claim(number)));
    runtime.block_on(a_moment());
    drop(ending);
    pass.send(true).unwrap();
    for claim in behind {
        assert_eq!(runtime.block_on(soon(claim)).unwrap().unwrap(), Claimed::Fresh);
    }
}

/// A call of another runtime's that was in the statement.
#[test]
fn a_call_in_a_statement_whose_runtime_ends_is_answered() {
    let runtime = working();
    let _context = runtime.enter();
    let queue = runtime.block_on(Queue::new(false));
    runtime.block_on(queue.meets(&is_key(1), "PERFORM pg_sleep(60)"));
    let held = runtime.block_on(queue.hold());
    let ending = self::runtime();
    let claim = |number: u32| {
        let store = queue.store.clone();
        async move { store.claim(key(number), token(), LEASE).await }
    };
    // Both lanes are there, and wait for the connection.
    for number in [1, 2] {
        ending.spawn(claim(number));
        ending.block_on(tokio::time::sleep(Duration::from_millis(5)));
    }
    let other = runtime.spawn(claim(3));
    runtime.block_on(tokio::time::sleep(Duration::from_millis(20)));
    drop(held);
    let sleeps = "SELECT count(*) FROM pg_stat_activity \
        WHERE application_name = current_schema() AND wait_event = 'PgSleep'";
    let sleeps =
        async || sqlx::query_scalar::<_, i64>(sleeps).fetch_one(&queue.other).await.unwrap() > 0;
    ending.block_on(until(sleeps));
    drop(ending);
    match runtime.block_on(soon(other)).unwrap() {
        // On a busy machine it found a lane of its own.
        Ok(claimed) => assert_eq!(claimed, Claimed::Fresh),
        Err(error) => {
            let (kind, text) = failure(Err::<(), _>(error));
            assert_eq!(kind, StoreErrorKind::Unavailable);
            assert!(text.contains("ended"), "{text}");
        }
    }
}

/// Code of the user's runs in a lane as well: hooks of the pool.
#[tokio::test]
async fn a_hook_of_the_pool_that_panics_costs_no_call_behind_it() {
    let (schema, _, _) = Schema::migrated().await;
    let panics = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&panics);
    let pool = PgPoolOptions::new().max_connections(1).before_acquire(move |_, _| {
        assert!(!hook.swap(false, Ordering::SeqCst), "as this test wants it");
        Box::pin(async { Ok(true) })
    });
    let pool = pool.connect_lazy_with(schema.options());
    let store = schema.store(&pool);
    assert_eq!(look(&store, key(0)).await, Claimed::Fresh);
    for number in 1..4 {
        let held = pool.acquire().await.unwrap();
        panics.store(true, Ordering::SeqCst);
        let claims: Vec<_> = (0..20)
            .map(|claim| {
                let (store, key) = (store.clone(), key(number * 100 + claim));
                tokio::spawn(async move { store.claim(key, token(), LEASE).await })
            })
            .collect();
        a_moment().await;
        drop(held);
        let mut failed = 0;
        for claim in claims {
            match soon(claim).await.unwrap() {
                Ok(claimed) => assert_eq!(claimed, Claimed::Fresh),
                Err(error) => {
                    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                    failed += 1;
                }
            }
        }
        assert!(failed > 0 && failed < 20, "{failed}");
    }
}

#[test]
fn without_a_runtime_a_call_is_an_error() {
    let runtime = runtime();
    let (_schema, store, _) = runtime.block_on(Schema::migrated());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut claim = std::pin::pin!(store.claim(key(1), token(), LEASE));
    let std::task::Poll::Ready(answer) = claim.as_mut().poll(&mut context) else { panic!() };
    let (kind, text) = failure(answer);
    assert_eq!(kind, StoreErrorKind::Unavailable);
    assert!(text.contains("runtime"), "{text}");
}
