//! PostgreSQL: many callers ask about few events at once, through stores of several kinds, while sessions
//! are killed and rows are locked. Every answer must have been true at some moment of its call.

mod judge;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign::{ClaimToken, Claimed, Settled, Store};
use countersign_sqlx::PostgresStore;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgPool};

use self::judge::{Answer, Call, What};
use super::pgbouncer::PgBouncer;
use super::{Schema, key, token};

const EVENTS: u32 = 3;
const CALLERS: u64 = 60;
const TIME: Duration = Duration::from_millis(2_500);

/// A lease that does not end here.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

struct Histories {
    stores: Vec<PostgresStore>,
    direct: PgPool,
    begun: Instant,
    calls: Mutex<Vec<Call>>,
}

/// A caller's token. Each claim has a new one, and renews with it.
#[derive(Clone, Copy)]
struct Claimant {
    event: u32,
    token: ClaimToken,
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        const FACTOR: u64 = 6_364_136_223_846_793_005;
        self.0 = self.0.wrapping_mul(FACTOR).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn is_below(&mut self, percent: u64) -> bool {
        self.throw(100) < percent
    }

    fn pause(&mut self, millis: u64) -> Duration {
        Duration::from_micros(self.throw(1_000 * millis))
    }

    fn lease(&mut self) -> Duration {
        match self.throw(10) {
            0 => Duration::ZERO,
            1 => Duration::from_micros(1),
            2..6 => self.pause(150),
            _ => LONG,
        }
    }
}

impl Histories {
    async fn call(&self, dice: &mut Dice, who: Claimant, what: What) -> Answer {
        let Claimant { event, token } = who;
        let store = &self.stores[dice.throw(self.stores.len() as u64) as usize];
        let ask = async {
            match what {
                What::Claim(lease) => {
                    store.claim(key(event), token, lease).await.map(Answer::Claimed)
                }
                What::Complete(time) => {
                    store.complete(key(event), token, time).await.map(Answer::Settled)
                }
                What::Release => store.release(key(event), token).await.map(Answer::Settled),
            }
        };
        // Some callers leave.
        let patience = if dice.is_below(7) { dice.pause(6) } else { LONG };
        let start = self.begun.elapsed();
        let answer = tokio::time::timeout(patience, ask).await;
        let answer = answer.unwrap_or(Ok(Answer::Open)).unwrap_or(Answer::Open);
        self.note(who, what, start, answer);
        answer
    }

    fn note(&self, who: Claimant, what: What, start: Duration, answer: Answer) {
        let Claimant { event, token } = who;
        let end = self.begun.elapsed();
        let call = Call { event, who: *token.as_bytes(), what, start, end, answer };
        self.calls.lock().unwrap().push(call);
    }

    /// What `complete_in` does, in a transaction that stays open for a while and may be rolled back.
    async fn in_transaction(&self, dice: &mut Dice, who: Claimant) {
        let (event, time) = (key(who.event), dice.lease().min(SHORT));
        let owner = Sha256::new_with_prefix(b"countersign owner 1");
        let owner = owner.chain_update(who.token.as_bytes()).finalize();
        let owner: String = owner[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        let sql = format!(
            "UPDATE countersign SET done = true, \
                expires_at = clock_timestamp() + {} * interval '1 microsecond' \
            WHERE key = '{event}' AND owner = '{owner}' AND NOT done \
            AND expires_at > clock_timestamp()",
            time.as_micros()
        );
        let start = self.begun.elapsed();
        let run = async {
            let mut tx = self.direct.begin().await?;
            let changed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
            tokio::time::sleep(dice.pause(40)).await;
            if changed.rows_affected() == 0 || dice.is_below(30) {
                return tx.rollback().await.map(|()| None);
            }
            tx.commit().await.map(|()| Some(Answer::Settled(Settled::Settled)))
        };
        if let Some(answer) = run.await.unwrap_or(Some(Answer::Open)) {
            self.note(who, What::Complete(time), start, answer);
        }
    }

    async fn caller(&self, mut dice: Dice) {
        let dice = &mut dice;
        while self.begun.elapsed() < TIME {
            let event = if dice.is_below(60) { 0 } else { dice.throw(EVENTS.into()) as u32 };
            let (who, lease) = (Claimant { event, token: token() }, dice.lease());
            if dice.is_below(1) {
                // A claim that is late.
                self.call(dice, who, What::Release).await;
            }
            let mut is_long = lease == LONG;
            match self.call(dice, who, What::Claim(lease)).await {
                Answer::Claimed(Claimed::Fresh) => is_long |= self.handle(dice, who).await,
                Answer::Open => {}
                _ => continue,
            }
            // A claim that ends soon may be left.
            while is_long && self.call(dice, who, What::Release).await == Answer::Open {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Renews and settles. Tells whether there was a long lease.
    async fn handle(&self, dice: &mut Dice, who: Claimant) -> bool {
        let mut is_long = false;
        for _ in 0..dice.throw(3) {
            let lease = dice.lease();
            let mut twin = Dice(dice.0 ^ 0x5555_5555);
            let again = if dice.is_below(50) { lease } else { twin.lease() };
            is_long |= lease == LONG || again == LONG;
            tokio::join!(
                self.call(&mut twin, who, What::Claim(again)),
                self.call(dice, who, What::Claim(lease))
            );
            tokio::time::sleep(dice.pause(10)).await;
        }
        match dice.throw(6) {
            0 | 1 => {
                let time = dice.lease().min(SHORT);
                self.call(dice, who, What::Complete(time)).await;
            }
            2 => drop(self.call(dice, who, What::Release).await),
            3 => {
                self.in_transaction(dice, who).await;
                return is_long;
            }
            _ => return is_long,
        }
        self.call(dice, who, What::Claim(LONG)).await;
        true
    }

    /// What goes wrong meanwhile.
    async fn trouble(&self, application: &str, mut dice: Dice) {
        while self.begun.elapsed() < TIME {
            tokio::time::sleep(dice.pause(300)).await;
            let end = if dice.is_below(50) { "terminate" } else { "cancel" };
            let sql = format!(
                "SELECT pg_{end}_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                AND application_name = '{application}' ORDER BY random() LIMIT 3"
            );
            // Any of these may be ended by another one, or meet an end of its own.
            let _ = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.direct).await;
            if let Ok(mut tx) = self.direct.begin().await {
                let event = key(dice.throw(2) as u32);
                let lock = format!("SELECT FROM countersign WHERE key = '{event}' FOR UPDATE");
                let _ = sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *tx).await;
                tokio::time::sleep(dice.pause(150)).await;
            }
            let _ = self.stores[0].purge(10).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_was_true() {
    let (schema, _, direct) = Schema::migrated().await;
    let bouncer = PgBouncer::start(&schema, 2).await;
    let mut stores = vec![schema.store(&bouncer.pool(4))];
    for prepared in [false, true] {
        for (connections, settings) in [
            (1, &[][..]),
            (3, &[]),
            (2, &[("default_transaction_isolation", "serializable")]),
            (2, &[("statement_timeout", "15ms"), ("lock_timeout", "5ms")]),
        ] {
            let with = settings.iter().copied();
            let pool = schema.pool_with(connections, |options| options.options(with));
            let store = PostgresStore::builder(pool).schema(&schema.name);
            stores.push(store.prepared_statements(prepared).build().unwrap());
        }
    }
    let (begun, calls) = (Instant::now(), Mutex::default());
    let histories = Arc::new(Histories { stores, direct, begun, calls });
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let histories = Arc::clone(&histories);
        tasks.spawn(async move { histories.caller(Dice(number << 40)).await });
    }
    let name = schema.name.clone();
    let troubled = Arc::clone(&histories);
    tasks.spawn(async move { troubled.trouble(&name, Dice(1)).await });
    tasks.join_all().await;
    let calls = histories.calls.lock().unwrap();
    for event in 0..EVENTS {
        let calls: Vec<_> = calls.iter().filter(|call| call.event == event).copied().collect();
        assert!(calls.len() > 100, "{}", calls.len());
        let wrong = judge::judge(&calls);
        assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), calls.len());
    }
}
