//! P3 and P5 for a fleet: four receivers that share one store, each delivery to any of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::database::{Database, unique};
use crate::receiver::{Receiver, Settings};
use crate::sender::{Sender, delivery};
use crate::{Dice, size};

const MEMBERS: usize = 4;
const SENDERS: usize = 32;
const COPIES: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_postgres_handles_each_event_once() {
    fleet(None, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_on_redis_handles_each_event_once() {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
    let prefix = format!("{}:", unique("force"));
    fleet(Some((url.clone(), prefix.clone())), false).await;
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap();
    for keys in keys.chunks(1_000) {
        redis::cmd("DEL").arg(keys).exec(&mut connection).unwrap();
    }
}

/// Every event is sent in four copies by four senders at about the same time, each copy to a member
/// of its choice until that answers 2xx.
async fn fleet(redis: Option<(String, String)>, in_transaction: bool) {
    let events = size(1_000, 5_000);
    let database = Database::postgres().await;
    let settings = |framework| Settings {
        framework,
        effects: database.url.clone(),
        table: database.table.clone(),
        redis: redis.clone(),
        in_transaction,
        lease_ms: 60_000,
    };
    let frameworks = ["axum", "actix"].into_iter().cycle();
    let members: Vec<_> =
        frameworks.take(MEMBERS).map(|framework| Receiver::start(&settings(framework))).collect();
    let addresses: Arc<Vec<_>> = Arc::new(members.iter().map(|member| member.address).collect());
    let (next, sent) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|number| {
            let addresses = Arc::clone(&addresses);
            let (next, sent) = (Arc::clone(&next), Arc::clone(&sent));
            tokio::spawn(async move {
                let mut senders: [Sender; MEMBERS] = Default::default();
                let mut dice = Dice::new(number as u64);
                loop {
                    let copy = next.fetch_add(1, Ordering::SeqCst);
                    if copy >= events * COPIES {
                        break;
                    }
                    let delivery = delivery(copy / COPIES);
                    let member = dice.below(MEMBERS as u64) as usize;
                    let times = senders[member].until_handled(addresses[member], &delivery).await;
                    sent.fetch_add(times, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let (once, more) = database.effects().await;
    println!(
        "{MEMBERS} members: {events} events, {} deliveries; effects once {once}, more often {more}",
        sent.load(Ordering::SeqCst)
    );
    assert_eq!((once, more), (events, 0));
    drop(members);
    database.drop_all().await;
}
