//! A node of a cluster, which refuses what is not in one slot.

use std::time::Duration;

use countersign::{Claimed, Settled, Store};

use super::server::Server;
use super::{DAY, LEASE, key, token};

#[tokio::test]
async fn every_step_is_in_one_slot() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
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
    }
}
