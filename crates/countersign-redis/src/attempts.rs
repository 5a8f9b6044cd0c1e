//! Attempts that are counted, and events that are parked.

use std::time::{Duration, SystemTime};

use countersign::{Attempt, ClaimToken, EventKey, Parked, ParkedNote, StoreError, StoreErrorKind};
use redis::{RedisResult, cmd};

use crate::connection::Connection;
use crate::encoding::{Mark, millis, under};
use crate::error::store_error;
use crate::operate::{duration, is_cluster, scan};
use crate::script::Arguments;
use crate::store::Inner;

impl<C: Connection> Inner<C> {
    pub(crate) async fn attempt(
        &self,
        event: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> RedisResult<Attempt> {
        let key = self.prefix.key(event);
        let (count, record) = places(&key);
        let (keys, mark): (&[&[u8]], _) = (&[&key, &count, &record], Mark::claimed(token));
        let millis = Some(millis(keep));
        let arguments = Arguments { keys, marks: &[&mark], millis, text: None };
        let (said, number, since): (i64, u32, i64) =
            self.scripts.attempt.run(&self.link, &arguments).await?;
        Ok(match said {
            1 => Attempt::Counted { number, since_first: duration(since) },
            _ => Attempt::Lost,
        })
    }

    pub(crate) async fn uncount(&self, event: EventKey, token: ClaimToken) -> RedisResult<()> {
        let key = self.prefix.key(event);
        let (count, record) = places(&key);
        let (keys, mark): (&[&[u8]], _) = (&[&key, &count, &record], Mark::claimed(token));
        let arguments = Arguments { keys, marks: &[&mark], millis: None, text: None };
        self.scripts.uncount.run(&self.link, &arguments).await
    }

    pub(crate) async fn park(
        &self,
        event: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> RedisResult<i64> {
        let key = self.prefix.key(event);
        let (count, record) = places(&key);
        let (claimed, done) = (Mark::claimed(token), Mark::done(token));
        let (keys, marks): (&[&[u8]], &[&Mark]) = (&[&key, &count, &record], &[&claimed, &done]);
        let (millis, note) = (Some(millis(keep)), note.to_json());
        let arguments = Arguments { keys, marks, millis, text: Some(&note) };
        self.scripts.park.run(&self.link, &arguments).await
    }

    pub(crate) async fn parked_event(&self, event: EventKey) -> RedisResult<Option<Parked>> {
        let key = self.prefix.key(event);
        let (_, record) = places(&key);
        let record: Option<Vec<u8>> = self.link.send(cmd("GET").arg(&record)).await?;
        let Some(record) = record else { return Ok(None) };
        let value: Option<Vec<u8>> = self.link.send(cmd("GET").arg(&key)).await?;
        Ok(value.and_then(|value| read(event, &value, &record)))
    }

    /// The events that are parked now, of records with these keys. The rest are left from an event that a
    /// program has forgotten which knows of no records; it may have been handled since.
    pub(crate) async fn parked_of(&self, records: &[Vec<u8>]) -> RedisResult<Vec<Parked>> {
        // Each with the event that it is a record of.
        let keys: Vec<_> = records.iter().filter_map(|key| Some((event_of(key)?, key))).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut ask = cmd("MGET");
        for (event, key) in &keys {
            ask.arg(self.prefix.key(*event)).arg(key);
        }
        let values: Vec<Option<Vec<u8>>> = self.link.send(&ask).await?;
        let values = values.as_chunks().0.iter();
        Ok(keys.iter().map(|(event, _)| *event).zip(values).filter_map(parked_now).collect())
    }

    /// Goes through the keys of the server, some at a time.
    pub(crate) async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        if is_cluster::<C>() {
            let what = "the parked events of a cluster are not listed: the log has their keys, where it says `webhook parked`";
            return Err(StoreError::new(StoreErrorKind::Unsupported, what));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (link, prefix) = (&self.link, self.prefix.as_str());
        let (mut all, mut cursor): (Vec<Parked>, _) = (Vec::new(), 0);
        loop {
            let some = async {
                let keys = scan(link, &mut cursor, format!("{{{prefix}*}}p")).await?;
                self.parked_of(&keys).await
            };
            let found: Vec<Parked> = link.within_time(some).await.map_err(store_error)?;
            all.extend(found);
            // A scan may find a key more than once. No more is kept than is asked for, and as much again.
            if cursor == 0 || all.len() >= limit.saturating_mul(2) {
                all.sort_unstable_by_key(|parked| (parked.parked_at, parked.key));
                all.dedup_by_key(|parked| parked.key);
                all.truncate(limit);
            }
            if cursor == 0 {
                return Ok(all);
            }
        }
    }
}

/// Where the count and the record of an event stand.
pub(crate) fn places(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (under(key, b"a"), under(key, b"p"))
}

/// The event whose record has this key.
fn event_of(key: &[u8]) -> Option<EventKey> {
    let digits = key.strip_suffix(b"}p")?;
    let digits = digits.get(digits.len().checked_sub(32)?..)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn parked_now((event, found): (EventKey, &[Option<Vec<u8>>; 2])) -> Option<Parked> {
    let [value, record] = found;
    read(event, value.as_deref()?, record.as_deref()?)
}

/// As `scripts/park.lua` writes it. `value` is what stands under the event's key: none if it is not what this
/// record is of, and the event was forgotten, or handled since.
fn read(key: EventKey, value: &[u8], record: &[u8]) -> Option<Parked> {
    let mut parts = std::str::from_utf8(record).ok()?.splitn(4, ' ');
    let owner = parts.next()?.as_bytes();
    if value.get(..Mark::LENGTH)?.strip_prefix(b"d")? != owner {
        return None;
    }
    let (attempts, parked_at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let note = ParkedNote::from_json(parts.next()?)?;
    let parked_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(parked_at))?;
    Some(Parked::new(key, note, attempts, parked_at))
}
