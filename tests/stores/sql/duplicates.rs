//! PostgreSQL: many claims of one event at once are few questions, and each claim gets an answer that is
//! right for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign::{ClaimToken, Claimed, Settled, Store};
use countersign_sqlx::PostgresStore;
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgPool, Postgres};

use super::proxy::{Fate, Next, Proxy};
use super::together::{Asked, a_moment, is_key, soon};
use super::{DAY, LEASE, Schema, failure, is_in_flight, key, look, token, until};

const MANY: usize = 300;

/// Far less than one for each claim. On a busy machine not all have queued when the first ask.
const FEW: usize = 15;

const ENDED: Claimed = Claimed::InFlight { retry_after: Duration::ZERO };

/// A store with one connection, whose questions are counted.
struct Flood {
    _schema: Schema,
    store: PostgresStore,
    pool: PgPool,
    direct: PostgresStore,
    other: PgPool,
    asked: Arc<AtomicUsize>,
    next: Next,
}

impl Flood {
    async fn new(prepared: bool) -> Self {
        let (schema, direct, other) = Schema::migrated().await;
        let (asked, next) = (Arc::new(AtomicUsize::new(0)), Next::default());
        let (counted, decide) = (Arc::clone(&asked), next.decide());
        let options = schema.options();
        let proxy = Proxy::to(&options, move |kind, text| {
            if kind == b'B' || kind == b'Q' && text.contains("countersign") {
                counted.fetch_add(1, Ordering::SeqCst);
            }
            decide(kind, text)
        });
        let proxy = proxy.await;
        let pool = schema.pool_with(1, |options| proxy.through(options));
        let store = PostgresStore::builder(pool.clone()).schema(&schema.name);
        let store = store.prepared_statements(prepared).build().unwrap();
        // It has found its table.
        look(&store, key(u32::MAX)).await;
        Self { _schema: schema, store, pool, direct, other, asked, next }
    }

    /// Keeps what is asked from now on in the queue, and counts from now on.
    async fn hold(&self) -> PoolConnection<Postgres> {
        let held = self.pool.acquire().await.unwrap();
        self.asked.store(0, Ordering::SeqCst);
        held
    }

    fn claim(&self, token: ClaimToken, lease: Duration) -> Asked<Claimed> {
        let store = self.store.clone();
        tokio::spawn(async move { store.claim(key(0), token, lease).await })
    }

    fn many(&self) -> Vec<Asked<Claimed>> {
        (0..MANY).map(|_| self.claim(token(), LEASE)).collect()
    }

    fn is_few(&self) {
        let asked = self.asked.load(Ordering::SeqCst);
        assert!((1..=FEW).contains(&asked), "{asked} questions");
    }
}

async fn all(asked: Vec<Asked<Claimed>>) -> Vec<Claimed> {
    let mut answers = Vec::new();
    for asked in asked {
        answers.push(soon(asked).await.unwrap().unwrap());
    }
    answers
}

fn is_held(claimed: &Claimed) -> bool {
    matches!(claimed, Claimed::InFlight { retry_after } if *retry_after > LEASE / 2)
}

#[tokio::test]
async fn who_holds_it_renews_and_settles_in_the_middle_of_them() {
    for prepared in [false, true] {
        let flood = Flood::new(prepared).await;
        let mine = token();
        flood.direct.claim(key(0), mine, LEASE).await.unwrap();
        let held = flood.hold().await;
        let before = flood.many();
        let renewal = flood.claim(mine, 3 * LEASE);
        let after = flood.many();
        a_moment().await;
        drop(held);
        assert_eq!(soon(renewal).await.unwrap().unwrap(), Claimed::Fresh);
        for claimed in all(before).await.iter().chain(&all(after).await) {
            assert!(is_held(claimed), "{claimed:?}");
        }
        flood.is_few();
        let Claimed::InFlight { retry_after } = look(&flood.direct, key(0)).await else { panic!() };
        assert!(retry_after > 2 * LEASE, "it is renewed: {retry_after:?}");
        let held = flood.hold().await;
        let before = flood.many();
        let store = flood.store.clone();
        let complete = tokio::spawn(async move { store.complete(key(0), mine, DAY).await });
        a_moment().await;
        drop(held);
        assert_eq!(soon(complete).await.unwrap().unwrap(), Settled::Settled);
        for claimed in all(before).await {
            assert!(is_held(&claimed) || claimed == Claimed::Done, "{claimed:?}");
        }
        flood.is_few();
        // It is handled.
        let held = flood.hold().await;
        let (own, many) = (flood.claim(mine, LEASE), flood.many());
        a_moment().await;
        drop(held);
        assert_eq!(soon(own).await.unwrap().unwrap(), Claimed::Done);
        assert!(all(many).await.iter().all(|claimed| *claimed == Claimed::Done));
        flood.is_few();
    }
}

#[tokio::test]
async fn of_many_claims_of_a_new_event_one_is_fresh() {
    for prepared in [false, true] {
        let flood = Flood::new(prepared).await;
        let held = flood.hold().await;
        let tokens: Vec<_> = (0..MANY).map(|_| token()).collect();
        let many = tokens.iter().map(|token| flood.claim(*token, LEASE)).collect();
        a_moment().await;
        drop(held);
        let claimed = all(many).await;
        flood.is_few();
        let fresh = |place: &usize| claimed[*place] == Claimed::Fresh;
        let winners: Vec<_> = (0..MANY).filter(fresh).collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(claimed.iter().filter(|claimed| is_held(claimed)).count(), MANY - 1);
        // The database says so too.
        let again = flood.direct.claim(key(0), tokens[winners[0]], LEASE).await.unwrap();
        assert_eq!(again, Claimed::Fresh);
    }
}

/// However many come meanwhile.
#[tokio::test]
async fn who_holds_it_is_the_next_to_ask() {
    for time in [0, 150] {
        let flood = Flood::new(false).await;
        let mine = token();
        flood.direct.claim(key(0), mine, LEASE).await.unwrap();
        let held = flood.hold().await;
        let question = |fate| flood.next.meets(b'Q', key(0).to_string(), fate);
        let (first, waits) = tokio::sync::watch::channel(false);
        question(Fate::Held(waits));
        let mut many = flood.many();
        let renewal = flood.claim(mine, LEASE);
        a_moment().await;
        drop(held);
        soon(flood.next.have_come()).await;
        // The other lane takes these, and waits for the connection.
        many.extend(flood.many());
        a_moment().await;
        many.extend(flood.many());
        // A lane has a connection for 100 ms. Then the other one has it.
        tokio::time::sleep(Duration::from_millis(time)).await;
        // One may be the other lane's.
        question(Fate::Late(Duration::ZERO));
        question(Fate::Late(Duration::ZERO));
        let (fourth, waits) = tokio::sync::watch::channel(false);
        question(Fate::Held(waits));
        first.send(true).unwrap();
        assert_eq!(soon(renewal).await.unwrap().unwrap(), Claimed::Fresh);
        fourth.send(true).unwrap();
        assert!(all(many).await.iter().all(is_held));
    }
}

/// No event waits for another one's duplicates, and settling waits for no claim.
#[tokio::test]
async fn they_hold_up_no_other_event() {
    let flood = Flood::new(false).await;
    let mine = token();
    look(&flood.direct, key(0)).await;
    flood.direct.claim(key(1), mine, LEASE).await.unwrap();
    let held = flood.hold().await;
    let many = flood.many();
    let (first, second) = (flood.store.clone(), flood.store.clone());
    let complete = tokio::spawn(async move { first.complete(key(1), mine, DAY).await });
    let fresh = tokio::spawn(async move { look(&second, key(2)).await });
    a_moment().await;
    drop(held);
    assert_eq!(soon(complete).await.unwrap().unwrap(), Settled::Settled);
    assert_eq!(soon(fresh).await.unwrap(), Claimed::Fresh);
    flood.is_few();
    assert!(all(many).await.iter().all(is_held));
}

/// Its answer says nothing about the others.
#[tokio::test]
async fn a_released_token_speaks_for_itself_alone() {
    let flood = Flood::new(false).await;
    let mine = token();
    flood.direct.claim(key(0), mine, LEASE).await.unwrap();
    assert_eq!(flood.direct.release(key(0), mine).await.unwrap(), Settled::Settled);
    let held = flood.hold().await;
    let (released, many) = (flood.claim(mine, LEASE), flood.many());
    a_moment().await;
    drop(held);
    assert_eq!(soon(released).await.unwrap().unwrap(), ENDED);
    let claimed = all(many).await;
    assert_eq!(claimed.iter().filter(|claimed| **claimed == Claimed::Fresh).count(), 1);
    flood.is_few();
}

/// A claim that does not last keeps nobody away, and each lease of one token is its own.
#[tokio::test]
async fn each_has_its_own_lease() {
    let flood = Flood::new(false).await;
    let held = flood.hold().await;
    let first = flood.claim(token(), Duration::ZERO);
    let mine = token();
    let leases = [LEASE, LEASE, 3 * LEASE].map(|lease| flood.claim(mine, lease));
    a_moment().await;
    drop(held);
    assert_eq!(soon(first).await.unwrap().unwrap(), Claimed::Fresh);
    assert!(all(leases.into()).await.iter().all(|claimed| *claimed == Claimed::Fresh));
    let Claimed::InFlight { retry_after } = look(&flood.direct, key(0)).await else { panic!() };
    assert!(retry_after > 2 * LEASE, "{retry_after:?}");
}

#[tokio::test]
async fn a_row_that_is_locked_is_asked_for_a_few_times_for_all() {
    let flood = Flood::new(false).await;
    flood.direct.claim(key(0), token(), Duration::ZERO).await.unwrap();
    let mut tx = flood.other.begin().await.unwrap();
    let lock = format!("SELECT FROM countersign WHERE key = '{}' FOR UPDATE", key(0));
    sqlx::query(AssertSqlSafe(lock)).fetch_one(&mut *tx).await.unwrap();
    let held = flood.hold().await;
    let many = flood.many();
    a_moment().await;
    drop(held);
    assert!(all(many).await.into_iter().all(is_in_flight));
    flood.is_few();
    tx.rollback().await.unwrap();
    assert_eq!(look(&flood.store, key(0)).await, Claimed::Fresh);
}

#[tokio::test]
async fn what_is_wrong_with_the_key_is_said_to_all() {
    for what in
        ["RAISE 'not this one'", "RAISE serialization_failure USING MESSAGE = 'not this one'"]
    {
        let flood = Flood::new(false).await;
        let trigger = format!(
            "CREATE FUNCTION meets() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN IF {} THEN {what}; END IF; RETURN NEW; END $$; \
            CREATE TRIGGER meets BEFORE INSERT ON countersign \
            FOR EACH ROW EXECUTE FUNCTION meets()",
            is_key(0)
        );
        sqlx::raw_sql(AssertSqlSafe(trigger)).execute(&flood.other).await.unwrap();
        let held = flood.hold().await;
        let many = flood.many();
        let store = flood.store.clone();
        let another = tokio::spawn(async move { look(&store, key(1)).await });
        a_moment().await;
        drop(held);
        assert_eq!(soon(another).await.unwrap(), Claimed::Fresh);
        for claim in many {
            let (_, text) = failure(soon(claim).await.unwrap());
            assert!(text.contains("not this one"), "{text}");
        }
        flood.is_few();
    }
}

/// The statement is under way for those who wait still.
#[tokio::test]
async fn a_caller_who_leaves_takes_no_answer_along() {
    let flood = Flood::new(false).await;
    let held = flood.hold().await;
    let (pass, is_held_back) = tokio::sync::watch::channel(false);
    flood.next.meets(b'Q', key(0).to_string(), Fate::Held(is_held_back));
    let (leaves, stays) = (flood.claim(token(), LEASE), flood.claim(token(), LEASE));
    a_moment().await;
    drop(held);
    soon(flood.next.have_come()).await;
    leaves.abort();
    // Longer than a statement is waited for that nobody waits for.
    tokio::time::sleep(Duration::from_secs(1)).await;
    pass.send(true).unwrap();
    assert!(is_held(&soon(stays).await.unwrap().unwrap()));
    until(async || is_in_flight(look(&flood.direct, key(0)).await)).await;
}
