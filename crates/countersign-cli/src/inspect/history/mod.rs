//! The last deliveries, in memory: so many, and not more bytes.
//!
//! Whoever wants to know what changes asks for the entries after a sequence number, and gets each as it is
//! now. So no reader, however slow, holds up a delivery or makes anything wait in memory.

mod file;
mod kept;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::record::{ProgramAnswer, Record, Verdict};
pub(super) use file::{File, Writer};

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keep {
    pub(super) deliveries: usize,
    pub(super) bytes: usize,
}

/// The last deliveries.
#[derive(Debug)]
pub(super) struct History {
    keep: Keep,
    state: Mutex<State>,
    /// The sequence number of the last change.
    changed: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    entries: BTreeMap<u64, Entry>,
    /// The number of the delivery that changed last at each sequence number.
    changes: BTreeMap<u64, u64>,
    /// By the event's key.
    events: HashMap<String, Event>,
    bytes: usize,
    /// Of the last change, and of the one before the first. They go on from the time, so that those of
    /// an earlier process are told from these.
    sequence: u64,
    first: u64,
    /// When all was forgotten last.
    cleared: u64,
    /// Deliveries up to this number are forgotten.
    floor: u64,
    /// What the file has, and how many were forgotten before the file had them.
    written: Option<u64>,
    unwritten: u64,
}

/// What is known of one event.
#[derive(Debug, Default)]
struct Event {
    deliveries: u64,
    kept: BTreeSet<u64>,
}

/// One delivery.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    /// How many deliveries of the event there were up to this one, without replays.
    pub(super) attempt: Option<u64>,
    /// It is from the file: what is secret is not in it any more.
    pub(super) restored: bool,
    pub(super) sequence: u64,
    bytes: usize,
}

/// What changed after a sequence number.
#[derive(Debug)]
pub(super) struct Changes {
    /// At this sequence number all was forgotten; what follows came after it.
    pub(super) cleared: Option<u64>,
    /// In the order in which they changed. These may not be all.
    pub(super) entries: Vec<Entry>,
    /// The oldest number that is not forgotten.
    pub(super) oldest: u64,
    /// Nothing is missing up to here.
    pub(super) upto: u64,
}

/// How much is kept now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) deliveries: usize,
    pub(super) bytes: usize,
}

impl History {
    pub(super) fn new(keep: Keep) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let first = u64::try_from(now.as_micros()).unwrap_or_default();
        let state = State {
            entries: BTreeMap::new(),
            changes: BTreeMap::new(),
            events: HashMap::new(),
            bytes: 0,
            sequence: first,
            first,
            cleared: first,
            floor: 0,
            written: None,
            unwritten: 0,
        };
        Self { keep, state: Mutex::new(state), changed: watch::Sender::new(first) }
    }

    pub(super) fn keep(&self) -> Keep {
        self.keep
    }

    /// Notes what is known of a delivery by now.
    pub(super) fn note(&self, record: &Arc<Record>) {
        self.put(Arc::clone(record), false);
    }

    /// A delivery that the file has.
    fn restore(&self, record: Record) {
        self.put(Arc::new(record), true);
    }

    fn put(&self, record: Arc<Record>, restored: bool) {
        let mut state = self.lock();
        if record.number <= state.floor {
            return;
        }
        state.sequence += 1;
        state.insert(record, restored);
        state.forget_beyond(self.keep);
        let sequence = state.sequence;
        drop(state);
        self.changed.send_replace(sequence);
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        state.entries.clear();
        state.changes.clear();
        state.events.clear();
        state.bytes = 0;
        state.sequence += 1;
        state.cleared = state.sequence;
        let sequence = state.sequence;
        drop(state);
        self.changed.send_replace(sequence);
    }

    pub(super) fn get(&self, number: u64) -> Option<Entry> {
        self.lock().entries.get(&number).cloned()
    }

    /// Those before a number, the newest first.
    pub(super) fn before(&self, number: Option<u64>) -> Vec<Entry> {
        let state = self.lock();
        state
            .entries
            .range(..number.unwrap_or(u64::MAX))
            .rev()
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    /// The deliveries of the event with this key, the oldest first.
    pub(super) fn of_event(&self, key: &str) -> Vec<Entry> {
        let state = self.lock();
        let numbers = state.events.get(key).map(|event| &event.kept).into_iter().flatten();
        numbers.filter_map(|number| state.entries.get(number)).cloned().collect()
    }

    pub(super) fn size(&self) -> Size {
        let state = self.lock();
        Size { deliveries: state.entries.len(), bytes: state.bytes }
    }

    /// Tells of each change.
    pub(super) fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The sequence number of the last change.
    pub(super) fn sequence(&self) -> u64 {
        self.lock().sequence
    }

    /// Whether a reader that was told everything up to here can go on. It may have been told by an
    /// earlier process.
    pub(super) fn knows(&self, sequence: u64) -> bool {
        let state = self.lock();
        (state.first..=state.sequence).contains(&sequence)
    }

    /// Up to `most` entries that changed after this sequence number.
    pub(super) fn after(&self, sequence: u64, most: usize) -> Changes {
        let state = self.lock();
        let from = sequence.saturating_add(1);
        let numbers = state.changes.range(from..).take(most);
        let entries: Vec<_> =
            numbers.filter_map(|(_, number)| state.entries.get(number).cloned()).collect();
        let upto = match entries.last() {
            Some(entry) if entries.len() >= most => entry.sequence,
            _ => state.sequence,
        };
        let cleared = Some(state.cleared).filter(|cleared| *cleared > sequence);
        Changes { cleared, entries, oldest: state.floor + 1, upto }
    }

    /// The file has everything up to here. Gives how many were forgotten before it had them.
    fn is_written(&self, sequence: u64) -> u64 {
        let mut state = self.lock();
        state.written = Some(sequence);
        std::mem::take(&mut state.unwritten)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, record: Arc<Record>, restored: bool) {
        let number = record.number;
        let before = self.entries.remove(&number);
        if let Some(before) = &before {
            self.changes.remove(&before.sequence);
            self.bytes = self.bytes.saturating_sub(before.bytes);
        }
        let key = record.facts.as_ref().map(|facts| &*facts.key);
        let attempt = match (before.and_then(|before| before.attempt), key) {
            (Some(attempt), _) => Some(attempt),
            (None, Some(key)) => self.count(key, number, record.replay_of.is_some()),
            (None, None) => None,
        };
        let bytes = size_of(&record);
        let sequence = self.sequence;
        self.bytes += bytes;
        self.changes.insert(sequence, number);
        self.entries.insert(number, Entry { record, attempt, restored, sequence, bytes });
    }

    /// Counts a delivery of an event.
    fn count(&mut self, key: &str, number: u64, is_replay: bool) -> Option<u64> {
        let event = self.events.entry(key.to_owned()).or_default();
        let is_new = event.kept.insert(number);
        if is_replay {
            return None;
        }
        event.deliveries += u64::from(is_new);
        Some(event.deliveries)
    }

    /// Forgets the oldest ones until what is left is not too much.
    fn forget_beyond(&mut self, keep: Keep) {
        while self.entries.len() > keep.deliveries || self.bytes > keep.bytes {
            let Some((number, entry)) = self.entries.pop_first() else { return };
            self.floor = number;
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            self.changes.remove(&entry.sequence);
            self.unwritten +=
                u64::from(self.written.is_some_and(|written| entry.sequence > written));
            let Some(facts) = &entry.record.facts else { continue };
            if let Some(event) = self.events.get_mut(&facts.key) {
                event.kept.remove(&number);
                if event.kept.is_empty() {
                    self.events.remove(&facts.key);
                }
            }
        }
    }
}

/// What a delivery takes of the memory, roughly.
fn size_of(record: &Record) -> usize {
    /// The record itself, and its places in the maps.
    const FIXED: usize = 1024;
    let of_headers = |headers: &axum::http::HeaderMap| -> usize {
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum()
    };
    let answer = match record.forwarded.as_deref().map(|forwarded| &forwarded.answer) {
        Some(ProgramAnswer::Answered { headers, body, .. }) => of_headers(headers) + body.len(),
        _ => 0,
    };
    let facts = record.facts.as_ref().map_or(0, |facts| {
        let texts = [&facts.event, &facts.id, &facts.unverified_event, &facts.unverified_id];
        texts.into_iter().flatten().map(String::len).sum::<usize>()
    });
    let uri = record.uri.path_and_query().map_or(0, |target| target.as_str().len());
    FIXED + uri + of_headers(&record.headers) + record.body.len() + answer + facts
}

/// Whether nothing more will become of it.
pub(super) fn is_over(record: &Record) -> bool {
    record.verdict != Verdict::Working
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::record::Facts;

    fn record(number: u64, key: Option<&str>, body: &Bytes) -> Arc<Record> {
        let facts = key.map(|key| {
            Arc::new(Facts {
                event: None,
                id: None,
                key: key.to_owned(),
                time: None,
                secret: None,
                unverified_event: None,
                unverified_id: None,
            })
        });
        Arc::new(Record {
            number,
            received_at: SystemTime::now(),
            method: axum::http::Method::POST,
            uri: "/".parse().unwrap(),
            headers: Default::default(),
            body: body.clone(),
            body_is_complete: true,
            endpoint: None,
            provider: None,
            verdict: Verdict::Accepted,
            status: Some(200),
            reason: None,
            says: None,
            facts,
            elapsed: Duration::ZERO,
            forwarded: None,
            unmatched: false,
            replay_of: None,
        })
    }

    fn history(deliveries: usize, bytes: usize) -> History {
        History::new(Keep { deliveries, bytes })
    }

    #[test]
    fn a_flood_of_large_bodies_is_kept_within_bounds() {
        const MOST: usize = 64 * 1024 * 1024;
        let history = history(1000, MOST);
        let large = Bytes::from(vec![b'x'; 1024 * 1024]);
        for number in 1..=20_000 {
            history.note(&record(number, Some(&format!("key {number}")), &large));
            // Each is told twice.
            history.note(&record(number, Some(&format!("key {number}")), &large));
        }
        let size = history.size();
        assert!(size.bytes <= MOST, "{size:?}");
        assert_eq!(size.deliveries, 63);
        let state = history.lock();
        assert_eq!((state.events.len(), state.changes.len()), (63, 63));
        assert_eq!(state.floor, 20_000 - 63);
        drop(state);
        // One that is larger than everything that is kept leaves nothing, and does no harm.
        let larger = Bytes::from(vec![b'x'; MOST]);
        history.note(&record(20_001, None, &larger));
        assert_eq!(history.size().deliveries, 0);
        history.note(&record(20_002, None, &large));
        assert_eq!(history.size().deliveries, 1);
    }

    #[test]
    fn a_late_word_about_one_that_is_forgotten_brings_it_not_back() {
        let history = history(2, usize::MAX);
        for number in 1..=4 {
            history.note(&record(number, None, &Bytes::new()));
        }
        history.note(&record(1, None, &Bytes::new()));
        assert_eq!(history.after(0, 10).oldest, 3);
        let kept: Vec<_> = history.before(None).iter().map(|entry| entry.record.number).collect();
        assert_eq!(kept, [4, 3]);
    }

    #[test]
    fn attempts_are_counted_from_the_first_that_was_seen() {
        let history = history(2, usize::MAX);
        for number in 1..=4 {
            history.note(&record(number, Some("same"), &Bytes::new()));
            history.note(&record(number, Some("same"), &Bytes::new()));
        }
        assert_eq!(history.get(4).unwrap().attempt, Some(4));
        let kept: Vec<_> =
            history.of_event("same").iter().map(|entry| entry.record.number).collect();
        assert_eq!(kept, [3, 4]);
    }

    #[test]
    fn a_reader_gets_each_change_once_and_each_delivery_as_it_is_now() {
        let history = history(10, usize::MAX);
        let start = history.sequence();
        for number in [1, 2, 1, 3] {
            history.note(&record(number, None, &Bytes::new()));
        }
        let numbers = |changes: &Changes| {
            changes.entries.iter().map(|entry| entry.record.number).collect::<Vec<_>>()
        };
        let first = history.after(start, 2);
        assert_eq!(numbers(&first), [2, 1]);
        let second = history.after(first.upto, 2);
        assert_eq!(numbers(&second), [3]);
        assert!(history.after(second.upto, 2).entries.is_empty());
        history.clear();
        let third = history.after(second.upto, 2);
        assert!(third.cleared.is_some() && third.entries.is_empty());
        assert!(history.after(third.upto, 2).cleared.is_none());
        assert!(history.knows(start) && !history.knows(start - 1) && !history.knows(u64::MAX));
    }

    #[test]
    fn what_the_file_does_not_have_in_time_is_counted() {
        let history = history(2, usize::MAX);
        assert_eq!(history.is_written(history.sequence()), 0);
        for number in 1..=5 {
            history.note(&record(number, None, &Bytes::new()));
        }
        assert_eq!(history.is_written(history.sequence()), 3);
        assert_eq!(history.is_written(history.sequence()), 0);
    }
}
