//! PostgreSQL: calls that queue go in one statement, and each gets its own answer.

use std::time::Duration;

use countersign::{ClaimToken, Claimed, EventKey, Settled, Store, StoreErrorKind};
use countersign_sqlx::PostgresStore;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::task::JoinHandle;

use super::{DAY, LEASE, Schema, failure, is_in_flight, key, look, token};

const ENDED: Claimed = Claimed::InFlight { retry_after: Duration::ZERO };

/// A store with one connection, so that calls queue while the test has it.
pub(crate) struct Queue {
    pub(crate) schema: Schema,
    pub(crate) store: PostgresStore,
    pub(crate) pool: PgPool,
    /// Beside the queue.
    pub(crate) direct: PostgresStore,
    pub(crate) other: PgPool,
}

impl Queue {
    pub(crate) async fn new(prepared: bool) -> Self {
        Self::with(prepared, &[]).await
    }

    pub(crate) async fn with(prepared: bool, settings: &[(&str, &str)]) -> Self {
        let (schema, direct, other) = Schema::migrated().await;
        let settings = settings.iter().copied().chain([("search_path", &*schema.name)]);
        let pool = schema.pool_with(1, |options| options.options(settings));
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name);
        let store = store.prepared_statements(prepared).build().unwrap();
        // It has found its table.
        store.claim(key(u32::MAX), token(), Duration::ZERO).await.unwrap();
        Self { schema, store, pool, direct, other }
    }

    /// Keeps what is asked from now on in the queue.
    pub(crate) async fn hold(&self) -> PoolConnection<Postgres> {
        self.pool.acquire().await.unwrap()
    }

    pub(crate) fn claim(&self, key: EventKey, token: ClaimToken) -> Asked<Claimed> {
        let store = self.store.clone();
        tokio::spawn(async move { store.claim(key, token, LEASE).await })
    }

    pub(crate) fn complete(&self, key: EventKey, token: ClaimToken) -> Asked<Settled> {
        let store = self.store.clone();
        tokio::spawn(async move { store.complete(key, token, DAY).await })
    }

    pub(crate) fn release(&self, key: EventKey, token: ClaimToken) -> Asked<Settled> {
        let store = self.store.clone();
        tokio::spawn(async move { store.release(key, token).await })
    }

    /// How many transactions have written what is in the table, of these keys' rows.
    async fn transactions(&self, which: &str) -> i64 {
        let count = format!("SELECT count(DISTINCT xmin::text) FROM countersign WHERE {which}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&self.other).await.unwrap()
    }

    async fn run(&self, sql: &str) {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&self.other).await.unwrap();
    }

    /// What happens to these keys when they are inserted.
    pub(crate) async fn meets(&self, which: &str, what: &str) {
        self.run(&format!(
            "CREATE FUNCTION meets() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN IF {which} THEN {what}; END IF; RETURN NEW; END $$; \
            CREATE TRIGGER meets BEFORE INSERT ON countersign \
            FOR EACH ROW EXECUTE FUNCTION meets()"
        ))
        .await;
    }
}

pub(crate) fn is_key(number: u32) -> String {
    format!("NEW.key = '{}'::uuid", key(number))
}

pub(crate) type Asked<A> = JoinHandle<Result<A, countersign::StoreError>>;

/// Until the calls have queued. Those that have not go a little later, which is as right.
pub(crate) async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("nobody answers")
}

async fn all<A>(asked: Vec<Asked<A>>) -> Vec<A> {
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(soon(asked).await.unwrap().unwrap());
    }
    answers
}

/// Far less than one for each call. On a busy machine not all have queued when the first go.
const FEW: i64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_queued_goes_in_few_statements() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let tokens: Vec<_> = (0..200).map(|number| (key(number), token())).collect();
        let held = queue.hold().await;
        let asked = tokens.iter().map(|(key, token)| queue.claim(*key, *token)).collect();
        a_moment().await;
        drop(held);
        assert!(all(asked).await.iter().all(|claimed| *claimed == Claimed::Fresh));
        assert!(queue.transactions("NOT done").await <= FEW);
        let (completed, released) = tokens.split_at(100);
        let held = queue.hold().await;
        let mut asked: Vec<_> =
            completed.iter().map(|(key, token)| queue.complete(*key, *token)).collect();
        asked.extend(released.iter().map(|(key, token)| queue.release(*key, *token)));
        a_moment().await;
        drop(held);
        assert!(all(asked).await.iter().all(|settled| *settled == Settled::Settled));
        assert!(queue.transactions("done").await <= 2 * FEW);
        let held = queue.hold().await;
        let asked = tokens.iter().map(|(key, token)| {
            let (store, key, token) = (queue.store.clone(), *key, *token);
            tokio::spawn(async move { store.is_completed(key, token).await })
        });
        let asked = asked.collect();
        a_moment().await;
        drop(held);
        let completed = all(asked).await;
        assert!(completed[..100].iter().all(|is| *is) && !completed[100..].iter().any(|is| *is));
        for (key, token) in released {
            assert_eq!(queue.store.claim(*key, *token, LEASE).await.unwrap(), ENDED);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_key_has_its_own_answer() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let (mine, other, short) = (token(), token(), Duration::ZERO);
        let direct = &queue.direct;
        for number in 0..70 {
            let lease = if number / 10 == 2 { short } else { LEASE };
            let claimed = direct.claim(key(number), mine, lease).await.unwrap();
            assert_eq!(claimed, Claimed::Fresh);
            match number / 10 {
                1 => drop(direct.complete(key(number), mine, DAY).await.unwrap()),
                3 | 4 => drop(direct.release(key(number), mine).await.unwrap()),
                5 => drop(direct.release(key(number), other).await.unwrap()),
                _ => {}
            }
        }
        let held = queue.hold().await;
        let asked = (0..80).map(|number| {
            let by_other = matches!(number / 10, 0 | 2 | 4 | 5);
            queue.claim(key(number), if by_other { other } else { mine })
        });
        let asked = asked.collect();
        a_moment().await;
        drop(held);
        for (number, claimed) in all(asked).await.into_iter().enumerate() {
            let is_right = match number / 10 {
                // Somebody holds it.
                0 => {
                    matches!(claimed, Claimed::InFlight { retry_after } if retry_after > LEASE / 2)
                }
                // It is handled.
                1 => claimed == Claimed::Done,
                // The lease is over.
                2 => claimed == Claimed::Fresh,
                // The caller's token was released.
                3 => claimed == ENDED,
                // Somebody else's was.
                4 => claimed == Claimed::Fresh,
                // It was released, and somebody else holds the key.
                5 => {
                    matches!(claimed, Claimed::InFlight { retry_after } if retry_after > LEASE / 2)
                }
                // It is the caller's claim.
                6 => claimed == Claimed::Fresh,
                // Nobody has claimed it.
                _ => claimed == Claimed::Fresh,
            };
            assert!(is_right, "{number}: {claimed:?}, prepared: {prepared}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_settlement_has_its_own_answer() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let (mine, other) = (token(), token());
        for number in 0..100 {
            let lease = if number / 10 % 5 == 3 { Duration::ZERO } else { LEASE };
            if number / 10 % 5 != 4 {
                queue.direct.claim(key(number), mine, lease).await.unwrap();
            }
            if number / 10 % 5 == 1 {
                let _ = queue.direct.complete(key(number), mine, DAY).await.unwrap();
            }
        }
        let held = queue.hold().await;
        let asked = (0..100).map(|number| {
            let token = if number / 10 % 5 == 2 { other } else { mine };
            match number < 50 {
                true => queue.complete(key(number), token),
                false => queue.release(key(number), token),
            }
        });
        let asked = asked.collect();
        a_moment().await;
        drop(held);
        for (number, settled) in all(asked).await.into_iter().enumerate() {
            let expected = match number / 10 {
                // The caller's claim; and, completed, completed again.
                0 | 1 | 5 => Settled::Settled,
                _ => Settled::Lost,
            };
            assert_eq!(settled, expected, "{number}, prepared: {prepared}");
        }
        for number in 0..100 {
            let claimed = queue.direct.claim(key(number), token(), LEASE).await.unwrap();
            let is_right = match number / 10 {
                0 | 1 | 6 => claimed == Claimed::Done,
                2 | 7 => is_in_flight(claimed),
                _ => claimed == Claimed::Fresh,
            };
            assert!(is_right, "{number}: {claimed:?}");
            let again = queue.direct.claim(key(number), mine, LEASE).await.unwrap();
            // It is the claim of the one who did not ask for its release, or was released.
            assert_eq!(again == Claimed::Fresh, matches!(number / 10, 2 | 7), "{number}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_many_times() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let held = queue.hold().await;
        let mine = token();
        let claims = (0..50).map(|_| queue.claim(key(1), token())).collect();
        let same = (0..10).map(|_| queue.claim(key(2), mine)).collect();
        let (claim, complete, release) =
            (queue.claim(key(3), mine), queue.complete(key(3), mine), queue.release(key(3), mine));
        a_moment().await;
        drop(held);
        let claimed = all(claims).await;
        let fresh = claimed.iter().filter(|claimed| **claimed == Claimed::Fresh).count();
        assert_eq!(fresh, 1);
        assert!(claimed.iter().all(|claimed| *claimed == Claimed::Fresh || is_in_flight(*claimed)));
        assert!(all(same).await.iter().all(|claimed| *claimed == Claimed::Fresh));
        let claimed = soon(claim).await.unwrap().unwrap();
        let settled =
            (soon(complete).await.unwrap().unwrap(), soon(release).await.unwrap().unwrap());
        // Whatever came first, the key is handled, or free and its token is not.
        let (after, again) = (
            queue.direct.claim(key(3), token(), LEASE).await.unwrap(),
            queue.direct.claim(key(3), mine, LEASE).await.unwrap(),
        );
        match settled.0 {
            Settled::Settled => {
                assert_eq!(claimed, Claimed::Fresh);
                assert_eq!(
                    (settled.1, after, again),
                    (Settled::Lost, Claimed::Done, Claimed::Done)
                );
            }
            Settled::Lost => {
                assert_eq!(after, Claimed::Fresh, "{claimed:?} {settled:?}");
                assert!(is_in_flight(again));
            }
        }
    }
}

/// Two processes, with the same keys in opposite orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wins_at_every_level() {
    for level in ["read committed", "repeatable read", "serializable"] {
        let settings = [("default_transaction_isolation", level)];
        let queue = Queue::with(false, &settings).await;
        let second = queue.schema.pool_with(1, |options| {
            options.options(settings.into_iter().chain([("search_path", &*queue.schema.name)]))
        });
        let other = queue.schema.store(&second);
        other.check().await.unwrap();
        for round in 0..5 {
            let tokens: Vec<_> =
                (0..60).map(|number| (key(round * 60 + number), token(), token())).collect();
            let held = (queue.hold().await, second.acquire().await.unwrap());
            let ours = tokens.iter().map(|(key, mine, _)| queue.claim(*key, *mine)).collect();
            let theirs = tokens.iter().rev().map(|(key, _, theirs)| {
                let (store, key, theirs) = (other.clone(), *key, *theirs);
                tokio::spawn(async move { store.claim(key, theirs, LEASE).await })
            });
            let theirs = theirs.collect();
            a_moment().await;
            drop(held);
            let (ours, mut theirs) = (all(ours).await, all(theirs).await);
            theirs.reverse();
            for (ours, theirs) in ours.iter().zip(&theirs) {
                let fresh = [ours, theirs].iter().filter(|by| ***by == Claimed::Fresh).count();
                assert_eq!(fresh, 1, "{level}: {ours:?} {theirs:?}");
            }
            let held = (queue.hold().await, second.acquire().await.unwrap());
            let mut settled: Vec<_> =
                tokens.iter().map(|(key, mine, _)| queue.complete(*key, *mine)).collect();
            settled.extend(tokens.iter().rev().map(|(key, _, theirs)| {
                let (store, key, theirs) = (other.clone(), *key, *theirs);
                tokio::spawn(async move { store.release(key, theirs).await })
            }));
            a_moment().await;
            drop(held);
            let settled = all(settled).await;
            let count = settled.iter().filter(|settled| **settled == Settled::Settled).count();
            assert_eq!(count, 60, "{level}");
        }
    }
}

/// What one key meets is that key's alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_key_costs_no_other() {
    for (what, says) in [
        ("RAISE 'not this one'", "not this one"),
        ("RAISE serialization_failure USING MESSAGE = 'never this one'", "never this one"),
        ("PERFORM pg_sleep(60)", "statement timeout"),
    ] {
        let queue = Queue::with(false, &[("statement_timeout", "2000")]).await;
        queue.meets(&is_key(7), what).await;
        let held = queue.hold().await;
        let asked: Vec<_> = (0..60).map(|number| queue.claim(key(number), token())).collect();
        a_moment().await;
        drop(held);
        for (number, asked) in asked.into_iter().enumerate() {
            let answer = soon(asked).await.unwrap();
            if number == 7 {
                let (kind, text) = failure(answer);
                assert_eq!(kind, StoreErrorKind::Unavailable);
                assert!(text.contains(says), "{text}");
            } else {
                assert_eq!(answer.unwrap(), Claimed::Fresh, "{number}: {what}");
            }
        }
    }
}

/// Of many calls that fail together none is tried alone where all would fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_calls_meet_fails_them_at_once() {
    let queue = Queue::new(false).await;
    queue.run("CREATE SEQUENCE tries").await;
    let full = "PERFORM nextval('tries'); RAISE disk_full USING MESSAGE = 'no space left'";
    queue.meets("true", full).await;
    let held = queue.hold().await;
    let asked: Vec<_> = (0..60).map(|number| queue.claim(key(number), token())).collect();
    a_moment().await;
    drop(held);
    for asked in asked {
        let (kind, text) = failure(soon(asked).await.unwrap());
        assert_eq!(kind, StoreErrorKind::Full, "{text}");
    }
    let tries: i64 =
        sqlx::query_scalar("SELECT last_value FROM tries").fetch_one(&queue.other).await.unwrap();
    assert!(tries <= FEW, "{tries}");
}

/// A user's transaction has a row locked. The others are answered while it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_row_holds_up_no_other() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let mine = token();
        for number in 0..90 {
            let lease = if number < 30 { Duration::ZERO } else { LEASE };
            queue.direct.claim(key(number), mine, lease).await.unwrap();
        }
        let mut tx = queue.other.begin().await.unwrap();
        for number in [7, 37, 67] {
            let lock = format!("SELECT FROM countersign WHERE key = '{}' FOR UPDATE", key(number));
            sqlx::query(sqlx::AssertSqlSafe(lock)).fetch_one(&mut *tx).await.unwrap();
        }
        let held = queue.hold().await;
        let claims: Vec<_> = (0..30).map(|number| queue.claim(key(number), token())).collect();
        let completions: Vec<_> =
            (30..60).map(|number| queue.complete(key(number), mine)).collect();
        let releases: Vec<_> = (60..90).map(|number| queue.release(key(number), mine)).collect();
        a_moment().await;
        drop(held);
        for (number, claim) in claims.into_iter().enumerate() {
            let claimed = soon(claim).await.unwrap().unwrap();
            assert_eq!(is_in_flight(claimed), number == 7, "{number}: {claimed:?}");
        }
        for settlements in [completions, releases] {
            for (number, settled) in settlements.into_iter().enumerate() {
                match soon(settled).await.unwrap() {
                    Ok(settled) => assert_eq!(settled, Settled::Settled, "{number}"),
                    Err(error) => {
                        assert_eq!(number, 7);
                        let (_, text) = failure(Err::<(), _>(error));
                        assert!(text.contains("still open"), "{text}");
                    }
                }
            }
        }
        // They were written one transaction for many, whatever the locked ones were asked again.
        assert!(queue.transactions("expires_at > clock_timestamp() AND NOT done").await <= 2 * FEW);
        tx.rollback().await.unwrap();
    }
}

/// A key that somebody has inserted and not committed cannot be skipped, but is not waited for long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_being_inserted_holds_up_no_other_for_long() {
    for prepared in [false, true] {
        let queue = Queue::new(prepared).await;
        let mut tx = queue.other.begin().await.unwrap();
        let insert = format!(
            "INSERT INTO countersign VALUES ('{}', '{}', false, clock_timestamp())",
            key(7),
            key(8)
        );
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await.unwrap();
        let held = queue.hold().await;
        let claims: Vec<_> = (0..30).map(|number| queue.claim(key(number), token())).collect();
        a_moment().await;
        drop(held);
        let mut waiting = None;
        for (number, claim) in claims.into_iter().enumerate() {
            match number {
                7 => waiting = Some(claim),
                _ => assert_eq!(soon(claim).await.unwrap().unwrap(), Claimed::Fresh),
            }
        }
        tx.rollback().await.unwrap();
        match soon(waiting.unwrap()).await.unwrap() {
            Ok(claimed) => assert_eq!(claimed, Claimed::Fresh),
            Err(error) => {
                let (_, text) = failure(Err::<(), _>(error));
                assert!(text.contains("lock timeout"), "{text}");
            }
        }
    }
}

/// Two statements that insert the same keys would wait for each other otherwise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_written_in_their_order() {
    let queue = Queue::new(false).await;
    let impatient = queue.schema.pool_with(1, |options| {
        options.options([("lock_timeout", "1"), ("search_path", &queue.schema.name)])
    });
    let impatient = queue.schema.store(&impatient);
    impatient.check().await.unwrap();
    let mut tx = queue.other.begin().await.unwrap();
    let insert = format!(
        "INSERT INTO countersign VALUES ('{}', '{}', false, clock_timestamp())",
        key(0),
        key(8)
    );
    sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await.unwrap();
    let held = queue.hold().await;
    let claims: Vec<_> = [9, 8, 7, 0].map(|number| queue.claim(key(number), token())).into();
    a_moment().await;
    drop(held);
    let waits = "SELECT count(*) FROM pg_stat_activity \
        WHERE application_name = current_schema() AND wait_event_type = 'Lock'";
    for _ in 0..500 {
        if sqlx::query_scalar::<_, i64>(waits).fetch_one(&queue.other).await.unwrap() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // While the statement waits for the first one, it has not inserted the others.
    for number in 7..10 {
        assert_ne!(look(&impatient, key(number)).await, Claimed::Done);
    }
    tx.rollback().await.unwrap();
    for claim in claims {
        soon(claim).await.unwrap().unwrap();
    }
}
