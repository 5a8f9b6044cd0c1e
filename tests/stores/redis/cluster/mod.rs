//! A cluster of three, while its slots move and its nodes fail.

mod nodes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::ports::free_port;
use countersign::testing::StoreSuite;
use countersign::{
    Claimed, EventKey, Forgotten, Runtime, Settled, Store, StoreError, StoreErrorKind,
};
use countersign_redis::redis::cluster_async::ClusterConnection;
use countersign_redis::{ConnectError, Eviction, RedisStore};

use self::nodes::Cluster;
use super::server::Server;
use super::{DAY, LEASE, key, token};

/// A node that refuses what is not in one slot.
#[tokio::test]
async fn every_step_is_in_one_slot() {
    let server = Server::start(&nodes::node(&free_port().to_string()));
    server.tell(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    while !server.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let store = server.store().await;
    for number in 0..20 {
        let (mine, other) = (token(), token());
        assert_eq!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        let claimed = store.claim(key(number), other, LEASE).await.unwrap();
        assert!(matches!(claimed, Claimed::InFlight { .. }), "{claimed:?}");
        assert_eq!(store.release(key(number), mine).await.unwrap(), Settled::Settled);
        // Its release is remembered in the same slot.
        assert_ne!(store.claim(key(number), mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.claim(key(number), other, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(key(number), other, DAY).await.unwrap(), Settled::Settled);
        assert_eq!(store.forget(key(number)).await.unwrap(), Forgotten::Forgotten);
        assert_ne!(store.claim(key(number), other, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.claim(key(number), token(), LEASE).await.unwrap(), Claimed::Fresh);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_the_contract() {
    let cluster = Cluster::start(0).await;
    let suite = StoreSuite::new(cluster.store().await, Runtime::tokio());
    suite.take_over_after_the_lease().await;
    suite.late_settling_is_lost().await;
    suite.released_is_free_at_once().await;
    suite.repeated_claim_is_the_same().await;
    suite.completed_is_done().await;
    suite.released_token_never_claims().await;
    suite.keys_are_distinct().await;
    suite.dropped_calls_break_nothing().await;
    suite.one_winner_each(16, 500).await;
    suite.claims_race_their_releases(100).await;
    suite.forgets_what_is_handled().await;
    suite.forgotten_token_never_claims().await;
    suite.attempts_are_counted().await;
    suite.an_attempt_is_taken_back().await;
    suite.parking_is_fenced().await;
    suite.attempts_race(10).await;
    suite.forgets_race_handlers(20).await;
    let counted = cluster.store().await.stats().await.unwrap_err();
    assert_eq!(counted.kind(), StoreErrorKind::Unsupported);
    let used = async |node: usize| cluster.nodes[node].ask::<usize>(&["DBSIZE"]);
    for node in 0..3 {
        assert!(used(node).await > 50, "the keys are not spread over the nodes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_that_may_drop_keys_is_said() {
    let cluster = Cluster::start(0).await;
    let nodes = || cluster.nodes.iter().map(Server::url);
    let connect = async || RedisStore::builder().refuse_eviction().connect_cluster(nodes()).await;
    assert_eq!(connect().await.unwrap().check().await.unwrap().eviction, Eviction::Never);
    cluster.nodes[1].tell(&["CONFIG", "SET", "maxmemory", "100mb"]);
    cluster.nodes[1].tell(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let refused = connect().await.unwrap_err();
    assert!(matches!(refused, ConnectError::Eviction { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_slots_move_nothing_is_lost_and_nothing_happens_twice() {
    let cluster = Arc::new(Cluster::start(0).await);
    let deliveries = Deliveries::start(&cluster, 12, 3_000).await;
    // Those of the first node that have keys by now and those that have none, to the second.
    let (mut moved, mut keys) = (0, 0);
    while !deliveries.are_over() || keys == 0 {
        let (cluster, from) = (Arc::clone(&cluster), moved * 25);
        let count = tokio::task::spawn_blocking(move || {
            (from..from + 25).map(|slot| cluster.move_slot(slot, 0, 1)).sum::<usize>()
        });
        keys += count.await.unwrap();
        moved += 1;
        if moved == 200 {
            break;
        }
    }
    deliveries.each_was_handled_once().await;
    println!("{} slots moved with {keys} keys", moved * 25);
    assert!(keys > 0, "no slot that moved had keys");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_replica_takes_over_in_order_nothing_is_lost_and_nothing_happens_twice() {
    let cluster = Arc::new(Cluster::start(1).await);
    let deliveries = Deliveries::start(&cluster, 12, 2_000).await;
    while deliveries.handled() < 300 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The old primary stops writing until the replica has everything.
    cluster.nodes[3].tell(&["CLUSTER", "FAILOVER"]);
    cluster.until(3, &["INFO", "replication"], "role:master").await;
    deliveries.each_was_handled_once().await;
}

/// What reached the replica is there. What did not is forgotten, as the documentation says.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_dies_is_replaced() {
    let mut cluster = Cluster::start(1).await;
    let store = cluster.store().await;
    let on_the_first: Vec<EventKey> =
        (0..400).map(key).filter(|key| cluster.slot(*key) < nodes::SLOTS / 3).collect();
    let (before, after) = on_the_first.split_at(on_the_first.len() / 2);
    for key in before {
        let mine = token();
        assert_eq!(store.claim(*key, mine, LEASE).await.unwrap(), Claimed::Fresh);
        assert_eq!(store.complete(*key, mine, DAY).await.unwrap(), Settled::Settled);
    }
    // The replica gets all of it.
    let offset = |node: usize, field: &str| {
        let said: String = cluster.nodes[node].ask(&["INFO", "replication"]);
        let offset = said.lines().find_map(|line| line.strip_prefix(field));
        offset.unwrap().trim().parse::<u64>().unwrap()
    };
    let sent = offset(0, "master_repl_offset:");
    while offset(3, "slave_repl_offset:") < sent {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.nodes[0].kill();
    let start = Instant::now();
    let mine = token();
    let claimed = loop {
        match store.claim(after[0], mine, LEASE).await {
            Ok(claimed) => break claimed,
            Err(_) => assert!(start.elapsed() < Duration::from_secs(60), "it is not replaced"),
        }
    };
    assert_eq!(claimed, Claimed::Fresh);
    for key in before {
        assert_eq!(store.claim(*key, token(), LEASE).await.unwrap(), Claimed::Done);
    }
    for key in &after[1..] {
        assert_eq!(store.claim(*key, token(), LEASE).await.unwrap(), Claimed::Fresh);
    }
}

/// Its connections stay open, and nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_is_frozen_is_replaced() {
    let cluster = Cluster::start(1).await;
    let store = cluster.store().await;
    let key = (0..400).map(key).find(|key| cluster.slot(*key) < nodes::SLOTS / 3).unwrap();
    cluster.nodes[0].freeze();
    let (start, mine) = (Instant::now(), token());
    while store.claim(key, mine, LEASE).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "it is not replaced");
    }
    assert!(matches!(store.claim(key, token(), LEASE).await.unwrap(), Claimed::InFlight { .. }));
}

/// Deliveries of events, each event three times at about the same time, until all are handled.
struct Deliveries {
    store: RedisStore<ClusterConnection>,
    runs: Arc<Vec<AtomicUsize>>,
    handled: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

const COPIES: usize = 3;

impl Deliveries {
    async fn start(cluster: &Cluster, tasks: usize, events: usize) -> Self {
        let store = cluster.store().await;
        let runs: Arc<Vec<AtomicUsize>> = Arc::new((0..events).map(|_| 0.into()).collect());
        let (next, handled, over) =
            <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let tasks = (0..tasks).map(|_| {
            let (store, runs, next) = (store.clone(), Arc::clone(&runs), Arc::clone(&next));
            let (handled, over) = (Arc::clone(&handled), Arc::clone(&over));
            tokio::spawn(async move {
                loop {
                    let copy = next.fetch_add(1, Ordering::SeqCst);
                    let event = copy / COPIES;
                    if event >= runs.len() {
                        break;
                    }
                    deliver(&store, key(event as u32), &runs[event]).await;
                    handled.fetch_add(1, Ordering::SeqCst);
                }
                over.store(true, Ordering::SeqCst);
            })
        });
        let tasks = tasks.collect();
        Self { store, runs, handled, over, tasks }
    }

    fn are_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn handled(&self) -> usize {
        self.handled.load(Ordering::SeqCst)
    }

    async fn each_was_handled_once(self) {
        for task in self.tasks {
            task.await.unwrap();
        }
        for (event, runs) in self.runs.iter().enumerate() {
            assert_eq!(runs.load(Ordering::SeqCst), 1, "runs of event {event}");
            let claimed = self.store.claim(key(event as u32), token(), LEASE).await.unwrap();
            assert_eq!(claimed, Claimed::Done, "event {event}");
        }
    }
}

/// As a receiver does it, and its sender: until the event is handled.
async fn deliver(store: &impl Store, key: EventKey, runs: &AtomicUsize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        assert!(Instant::now() < deadline, "{key} is not handled");
        let mine = token();
        match store.claim(key, mine, LEASE).await {
            Ok(Claimed::Fresh) => {
                runs.fetch_add(1, Ordering::SeqCst);
                until_answered(|| store.complete(key, mine, DAY)).await;
                return;
            }
            Ok(Claimed::Done) => return,
            // Nobody knows whether it was claimed.
            Err(_) => until_answered(|| store.release(key, mine)).await,
            Ok(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn until_answered<F>(mut call: impl FnMut() -> F)
where
    F: Future<Output = Result<Settled, StoreError>>,
{
    let deadline = Instant::now() + Duration::from_secs(120);
    while let Err(error) = call().await {
        assert!(Instant::now() < deadline, "{error:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
