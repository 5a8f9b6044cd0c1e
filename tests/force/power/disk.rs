//! What is on a disk after a power loss, worked out from what a program did.

use std::path::Path;

use crate::Dice;

/// What a disk writes whole, or not.
const SECTOR: usize = 512;

const HEAD: usize = 16;

/// The database and the files beside it, by their number in the journal.
const SUFFIXES: [&str; 3] = ["", "-wal", "-journal"];

/// The folder that they are in: its syncs are those of removals.
const FOLDER: usize = SUFFIXES.len();

pub const DATABASE: usize = 0;
pub const LOG: usize = 1;

/// One line of the journal.
pub enum Record<'a> {
    Change(usize, Change<'a>),
    SyncBegins(usize),
    SyncEnds(usize),
    /// What the program says about itself.
    Said(&'a [u8]),
}

#[derive(Clone, Copy)]
pub enum Change<'a> {
    Write(usize, &'a [u8]),
    Truncate(usize),
    Remove,
}

/// Reads a journal. What the program was killed in is left out.
pub fn records(journal: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = journal;
    while let Some((head, after)) = rest.split_at_checked(HEAD) {
        let length = u32::from_le_bytes(head[4..8].try_into().unwrap()) as usize;
        let offset = u64::from_le_bytes(head[8..].try_into().unwrap()) as usize;
        let Some((data, after)) = after.split_at_checked(length) else { break };
        let file = usize::from(head[1]);
        records.push(match head[0] {
            b'w' => Record::Change(file, Change::Write(offset, data)),
            b't' => Record::Change(file, Change::Truncate(offset)),
            b'u' => Record::Change(file, Change::Remove),
            b'b' => Record::SyncBegins(file),
            b'e' => Record::SyncEnds(file),
            b's' => Record::Said(data),
            other => panic!("no such record: {other}"),
        });
        rest = after;
    }
    records
}

/// A line of the journal that the program writes itself.
pub fn said(data: &[u8]) -> Vec<u8> {
    let mut record = vec![b's', 0, 0, 0];
    record.extend_from_slice(&(data.len() as u32).to_le_bytes());
    record.extend_from_slice(&[0; 8]);
    record.extend_from_slice(data);
    record
}

/// The files on the disk.
#[derive(Default)]
pub struct Disk<'a>([File<'a>; 3]);

#[derive(Default)]
struct File<'a> {
    /// What is surely there; nothing if the file is not.
    synced: Option<Vec<u8>>,
    /// What may be there, in the order in which it was done.
    pending: Vec<Change<'a>>,
    /// How much of that a sync that has begun covers.
    syncing: usize,
}

impl File<'_> {
    /// What was there before a removal is gone now.
    fn keep_removed(&mut self) {
        let removal = self.pending.iter().rposition(|change| matches!(change, Change::Remove));
        if let Some(removal) = removal {
            self.synced = None;
            self.pending.drain(..=removal);
            self.syncing = 0;
        }
    }
}

/// What becomes of the changes that were not synced.
pub enum Unsynced<'d> {
    Lost,
    /// Each sector of each change is there, or is not.
    Some(&'d mut Dice),
    /// As after the kill of a process.
    Kept,
}

impl<'a> Disk<'a> {
    pub fn apply(&mut self, record: &Record<'a>) {
        match *record {
            Record::Change(file, change) => self.0[file].pending.push(change),
            Record::SyncBegins(FOLDER) => {}
            Record::SyncEnds(FOLDER) => self.0.iter_mut().for_each(File::keep_removed),
            Record::SyncBegins(file) => self.0[file].syncing = self.0[file].pending.len(),
            Record::SyncEnds(file) => {
                let file = &mut self.0[file];
                for change in file.pending.drain(..file.syncing) {
                    change.apply(&mut file.synced);
                }
                file.syncing = 0;
            }
            Record::Said(_) => {}
        }
    }

    /// Puts what the power loss leaves at this path, where nothing is yet.
    pub fn after_power_loss(&self, path: &Path, mut unsynced: Unsynced<'_>) {
        for (file, suffix) in self.0.iter().zip(SUFFIXES) {
            let mut content = file.synced.clone();
            for change in &file.pending {
                match &mut unsynced {
                    Unsynced::Lost => {}
                    Unsynced::Kept => change.apply(&mut content),
                    Unsynced::Some(dice) => change.tear(dice, &mut content),
                }
            }
            let path = format!("{}{suffix}", path.display());
            if let Some(content) = content {
                std::fs::write(path, content).unwrap();
            }
        }
    }
}

impl Change<'_> {
    fn apply(&self, content: &mut Option<Vec<u8>>) {
        match *self {
            Change::Write(offset, data) => {
                let content = content.get_or_insert_default();
                let end = offset + data.len();
                content.resize(content.len().max(end), 0);
                content[offset..end].copy_from_slice(data);
            }
            Change::Truncate(length) => content.get_or_insert_default().resize(length, 0),
            Change::Remove => *content = None,
        }
    }

    /// Applies what of it has reached the disk.
    fn tear(&self, dice: &mut Dice, content: &mut Option<Vec<u8>>) {
        let Change::Write(mut offset, mut data) = *self else {
            if dice.below(2) == 0 {
                self.apply(content);
            }
            return;
        };
        // Whole, not at all, or in part.
        let most = dice.below(3);
        while !data.is_empty() {
            let (sector, rest) = data.split_at(data.len().min(SECTOR - offset % SECTOR));
            if most == 0 || most == 1 && dice.below(2) == 0 {
                Change::Write(offset, sector).apply(content);
            }
            (offset, data) = (offset + sector.len(), rest);
        }
    }
}
