//! A cluster of three primaries, and as many replicas of the first as a test wants.

use std::collections::HashSet;
use std::time::Duration;

use crate::ports::free_port;
use countersign::EventKey;
use countersign_redis::RedisStore;
use countersign_redis::redis::cluster_async::ClusterConnection;

use crate::redis::server::Server;

pub(crate) const SLOTS: u32 = 16_384;
const PRIMARIES: u32 = 3;

pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    ids: Vec<String>,
}

impl Cluster {
    pub(crate) async fn start(replicas: usize) -> Self {
        // Soon, where a replica takes over. Else nobody is given up: a machine may stand still.
        let timeout = if replicas > 0 { "1000" } else { "15000" };
        let (mut nodes, mut buses) = (Vec::new(), Vec::new());
        for _ in 0..PRIMARIES as usize + replicas {
            let bus = free_port().to_string();
            let more = ["--cluster-node-timeout", timeout, "--appendonly", "yes"];
            nodes.push(Server::start(&[node(&bus), more].concat()));
            buses.push(bus);
        }
        for (number, node) in nodes.iter().enumerate().take(PRIMARIES as usize) {
            let from = |number: usize| (number as u32 * SLOTS / PRIMARIES).to_string();
            let last = (from(number + 1).parse::<u32>().unwrap() - 1).to_string();
            node.tell(&["CLUSTER", "ADDSLOTSRANGE", &from(number), &last]);
            // Numbers of its own for what it says to the others.
            node.tell(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        }
        for (node, bus) in nodes.iter().zip(&buses).skip(1) {
            nodes[0].tell(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string(), bus]);
        }
        let ids = nodes.iter().map(|node| node.ask(&["CLUSTER", "MYID"])).collect();
        let cluster = Self { nodes, ids };
        cluster.until_all("cluster_state:ok").await;
        cluster.until_all(&format!("cluster_known_nodes:{}", cluster.nodes.len())).await;
        for replica in PRIMARIES as usize..cluster.nodes.len() {
            cluster.nodes[replica].tell(&["CLUSTER", "REPLICATE", &cluster.ids[0]]);
            cluster.until(replica, &["INFO", "replication"], "master_link_status:up").await;
        }
        cluster
    }

    pub(crate) async fn store(&self) -> RedisStore<ClusterConnection> {
        let nodes = self.nodes.iter().map(Server::url);
        RedisStore::builder().connect_cluster(nodes).await.unwrap()
    }

    /// Moves a slot between two primaries, as a reshard does it, and gives how many keys it had.
    pub(crate) fn move_slot(&self, slot: u32, from: usize, to: usize) -> usize {
        let slot = slot.to_string();
        let set = |node: usize, what: &str, other: usize| {
            self.nodes[node].tell(&["CLUSTER", "SETSLOT", &slot, what, &self.ids[other]]);
        };
        set(to, "IMPORTING", from);
        set(from, "MIGRATING", to);
        let mut moved = HashSet::new();
        loop {
            let keys: Vec<String> =
                self.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let port = self.nodes[to].port().to_string();
                self.nodes[from].tell(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]);
                moved.insert(key);
            }
        }
        // Who gets it first, so that it is somebody's at any moment.
        set(to, "NODE", to);
        set(from, "NODE", to);
        moved.len()
    }

    pub(crate) async fn until(&self, node: usize, question: &[&str], answer: &str) {
        let mut said = String::new();
        for _ in 0..3_000 {
            said = self.nodes[node].ask(question);
            if said.contains(answer) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{question:?} does not come to {answer}: {said}");
    }

    async fn until_all(&self, answer: &str) {
        for node in 0..self.nodes.len() {
            self.until(node, &["CLUSTER", "INFO"], answer).await;
        }
    }

    /// The slot that a key of the store's is in.
    pub(crate) fn slot(&self, key: EventKey) -> u32 {
        self.nodes[0].ask(&["CLUSTER", "KEYSLOT", &format!("countersign:{key}")])
    }
}

/// The settings of a node that talks to the others on this port. The usual one, 10 000 higher than
/// its own, is among those that the system gives to connections.
pub(crate) fn node(bus: &str) -> [&str; 4] {
    ["--cluster-enabled", "yes", "--cluster-port", bus]
}
