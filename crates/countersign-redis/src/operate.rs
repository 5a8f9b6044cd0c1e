//! What operators ask.

use std::any::TypeId;
use std::time::Duration;

use countersign::{
    EventKey, EventState, Forgotten, RELEASED_FOR, StoreError, StoreErrorKind, StoreStats,
};
use redis::{ErrorKind, RedisResult, cmd};

use crate::attempts::places;
use crate::connection::{Connection, Link};
use crate::encoding::{Mark, millis};
use crate::error::store_error;
use crate::script::Arguments;
use crate::store::Inner;

/// How often another handling may come between looking and forgetting.
const TRIES: usize = 5;

/// How many keys one question of the statistics is about.
const TOGETHER: usize = 1_000;

impl<C: Connection> Inner<C> {
    /// Looks who has handled the event, and forgets it if that is still so. So a copy of the command that
    /// arrives late forgets no other handling.
    pub(crate) async fn forget(&self, event: EventKey) -> RedisResult<Forgotten> {
        let key = self.prefix.key(event);
        let (count, record) = places(&key);
        for _ in 0..TRIES {
            let found: Option<Vec<u8>> = self.link.send(cmd("GET").arg(&key)).await?;
            // What is no mark is not looked at: the script says what the event is then.
            let mark = found.as_deref().and_then(Mark::read_done).unwrap_or(Mark::NOBODY);
            let (released, marks): (_, &[&Mark]) = (mark.released_key(&key), &[&mark]);
            let keys: &[&[u8]] = &[&key, &released, &count, &record];
            let arguments =
                Arguments { keys, marks, millis: Some(millis(RELEASED_FOR)), text: None };
            let (said, left) = self.scripts.forget.run(&self.link, &arguments).await?;
            match said {
                0 => return Ok(Forgotten::NotHandled),
                1 => return Ok(Forgotten::Forgotten),
                2 => return Ok(Forgotten::InFlight { retry_after: duration(left) }),
                _ => {}
            }
        }
        Err((ErrorKind::Extension, "the event is handled and forgotten again and again").into())
    }

    pub(crate) async fn state(&self, event: EventKey) -> RedisResult<EventState> {
        let key = self.prefix.key(event);
        let arguments = Arguments { keys: &[&key], marks: &[], millis: None, text: None };
        let (said, left) = self.scripts.look.run(&self.link, &arguments).await?;
        let left = duration(left);
        Ok(match said {
            1 => EventState::Released,
            2 => EventState::InFlight { left },
            3 => EventState::Handled { left },
            _ => EventState::Unknown,
        })
    }

    /// Goes through the keys of the server, some at a time.
    pub(crate) async fn stats(&self) -> Result<StoreStats, StoreError> {
        if is_cluster::<C>() {
            let what =
                "the events of a cluster are not counted as a whole: ask each of its primaries";
            return Err(StoreError::new(StoreErrorKind::Unsupported, what));
        }
        let link = &self.link;
        let prefix = self.prefix.as_str();
        let (mut stats, mut cursor) = (StoreStats::new(), 0);
        let time = link.within_time(now(link)).await.map_err(store_error)?;
        loop {
            let values = values(link, &mut cursor, format!("{prefix}*"));
            for value in link.within_time(values).await.map_err(store_error)? {
                count(&mut stats, value.as_deref().unwrap_or_default(), time);
            }
            if cursor == 0 {
                break;
            }
        }
        loop {
            // Of released tokens, the names say it all.
            let keys = scan(link, &mut cursor, format!("{{{prefix}*}}[rp]*"));
            let keys = link.within_time(keys).await.map_err(store_error)?;
            let (records, released): (Vec<_>, Vec<_>) =
                keys.into_iter().partition(|key| key.ends_with(b"}p"));
            let parked = link.within_time(self.parked_of(&records)).await.map_err(store_error)?;
            stats.parked = stats.parked.saturating_add(parked.len() as u64);
            stats.released = stats.released.saturating_add(released.len() as u64);
            if cursor == 0 {
                // The mark of a parked event is that of a handled one.
                stats.handled = stats.handled.saturating_sub(stats.parked);
                return Ok(stats);
            }
        }
    }
}

/// The server's clock, in ms since 1970.
async fn now<C: Connection>(link: &Link<C>) -> RedisResult<u64> {
    let (seconds, micros): (u64, u64) = link.send(&cmd("TIME")).await?;
    Ok(seconds.saturating_mul(1_000).saturating_add(micros / 1_000))
}

/// Some keys that match, and where to go on: 0 is the end.
pub(crate) async fn scan<C: Connection>(
    link: &Link<C>,
    cursor: &mut u64,
    pattern: String,
) -> RedisResult<Vec<Vec<u8>>> {
    let mut scan = cmd("SCAN");
    scan.arg(*cursor).arg("MATCH").arg(pattern).arg("COUNT").arg(TOGETHER);
    let keys;
    (*cursor, keys) = link.send(&scan).await?;
    Ok(keys)
}

/// What stands under these keys.
async fn values<C: Connection>(
    link: &Link<C>,
    cursor: &mut u64,
    pattern: String,
) -> RedisResult<Vec<Option<Vec<u8>>>> {
    match scan(link, cursor, pattern).await? {
        keys if keys.is_empty() => Ok(Vec::new()),
        keys => link.send(cmd("MGET").arg(keys)).await,
    }
}

/// As `scripts/state.lua` reads it.
fn count(stats: &mut StoreStats, value: &[u8], now: u64) {
    let Some((mark, until)) = value.split_at_checked(Mark::LENGTH) else { return };
    let until = std::str::from_utf8(until).ok().and_then(|until| until.parse::<u64>().ok());
    match (mark.first(), until) {
        (_, Some(until)) if until < now => {}
        (Some(b'c'), _) => stats.in_flight = stats.in_flight.saturating_add(1),
        (Some(b'd'), _) => stats.handled = stats.handled.saturating_add(1),
        _ => {}
    }
}

pub(crate) fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Whether it is a connection to a cluster.
pub(crate) fn is_cluster<C: Connection>() -> bool {
    #[cfg(feature = "cluster")]
    let cluster = Some(TypeId::of::<redis::cluster_async::ClusterConnection>());
    #[cfg(not(feature = "cluster"))]
    let cluster = None;
    cluster == Some(TypeId::of::<C>())
}
