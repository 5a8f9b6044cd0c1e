//! The server that is there already, and this test's own keys in it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use countersign_redis::{RedisStore, redis};

use super::patient;

pub(crate) struct Shared {
    client: redis::Client,
    url: String,
    pub(crate) prefix: String,
}

impl Shared {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".to_owned());
        let client = redis::Client::open(url.as_str()).expect("REDIS_URL is a Redis address");
        if let Err(error) = client.get_connection() {
            panic!(
                "these tests need a Redis server at REDIS_URL or 127.0.0.1:6379 ({error}). Start \
                 one, such as `docker run -p 6379:6379 redis` or `redis-server`"
            );
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { client, url, prefix: format!("countersign-test:{now}-{count}:") }
    }

    pub(crate) async fn store(&self) -> RedisStore {
        let builder = patient().prefix(&self.prefix);
        builder.connect(self.url.as_str()).await.unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        match self.client.get_connection_info().addr() {
            redis::ConnectionAddr::Tcp(_, port) => *port,
            other => panic!("{other} is no address of a TCP server"),
        }
    }

    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = self.client.get_connection().unwrap();
        let mut asked = redis::cmd(command[0]);
        asked.arg(&command[1..]);
        asked.query(&mut connection).unwrap()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Ok(mut connection) = self.client.get_connection() else { return };
        let mut cursor = 0_u64;
        // Also what stands beside an event's key, which begins with `{`.
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(format!("*{}*", self.prefix)).arg("COUNT").arg(1_000);
            let Ok((next, keys)) = scan.query::<(u64, Vec<String>)>(&mut connection) else {
                return;
            };
            if !keys.is_empty() {
                let _ = redis::cmd("DEL").arg(keys).exec(&mut connection);
            }
            if next == 0 {
                return;
            }
            cursor = next;
        }
    }
}
