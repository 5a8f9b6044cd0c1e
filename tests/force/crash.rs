//! P4 and P5 for receivers that are killed: SIGKILL after a random number of answers, a restart, and
//! the deliveries come again. Not after a time: on a busy machine little happens in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::database::Database;
use crate::receiver::{Receiver, Settings};
use crate::sender::{Sender, delivery};
use crate::{Dice, size};

const SENDERS: usize = 12;

/// How many deliveries are answered between two kills, at most.
const MOST: u64 = 100;

/// In which they are answered on any machine.
const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_an_effect_in_the_transaction_happens_exactly_once() {
    crash(Database::postgres().await, "axum", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_effect_in_the_transaction_happens_exactly_once() {
    crash(Database::sqlite().await, "axum", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_actix_an_effect_in_the_transaction_happens_exactly_once() {
    crash(Database::postgres().await, "actix", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_an_effect_beside_the_mark_happens_at_least_once() {
    crash(Database::postgres().await, "axum", false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_effect_beside_the_mark_happens_at_least_once() {
    crash(Database::sqlite().await, "axum", false).await;
}

/// Senders go on sending new events until the receiver has been killed often enough; each event is
/// sent until it is answered 2xx.
async fn crash(database: Database, framework: &'static str, in_transaction: bool) {
    let kills = size(8, 350);
    let settings = Settings {
        framework,
        effects: database.url.clone(),
        table: database.table.clone(),
        redis: None,
        in_transaction,
        lease_ms: 1000,
    };
    let mut receiver = Receiver::start(&settings);
    let address = receiver.address;
    let (next, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // A permit for each delivery that was answered 2xx.
    let answered = Arc::new(Semaphore::new(0));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (next, stopped) = (Arc::clone(&next), Arc::clone(&stopped));
            let answered = Arc::clone(&answered);
            tokio::spawn(async move {
                let (mut sender, mut sent) = (Sender::default(), 0);
                while stopped.load(Ordering::SeqCst) == 0 {
                    let delivery = delivery(next.fetch_add(1, Ordering::SeqCst));
                    sent += sender.until_handled(address, &delivery).await;
                    answered.add_permits(1);
                    // A provider that did not hear the answer.
                    sent += sender.until_handled(address, &delivery).await;
                    answered.add_permits(1);
                }
                sent
            })
        })
        .collect();
    let mut dice = Dice::new(1);
    for _ in 0..kills {
        // Those of the receiver before this one do not count.
        answered.forget_permits(usize::MAX);
        let some = answered.acquire_many(1 + dice.below(MOST) as u32);
        match tokio::time::timeout(LONG, some).await {
            Ok(some) => some.unwrap().forget(),
            Err(_) => {
                let one = delivery(next.fetch_add(1, Ordering::SeqCst));
                let said = Sender::default().send(address, &one).await;
                panic!("too few answers in {LONG:?}; to one more delivery it says {said:?}");
            }
        }
        receiver.kill();
        receiver.start_again();
    }
    stopped.store(1, Ordering::SeqCst);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.unwrap();
    }
    let events = next.load(Ordering::SeqCst);
    let (once, more) = database.effects().await;
    println!(
        "{framework}, {}: {kills} kills, {events} events, {sent} deliveries; effects once {once}, \
         more often {more}",
        if in_transaction { "in the transaction" } else { "beside the mark" }
    );
    assert_eq!(once + more, events, "none is lost");
    assert!(events > SENDERS, "it did work between the kills");
    if in_transaction {
        assert_eq!(more, 0, "none happened twice");
    }
    drop(receiver);
    database.drop_all().await;
}
