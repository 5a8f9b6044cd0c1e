//! The statements, made once for a table.
//!
//! A row is one of these:
//!
//! | row | key | owner | done | until |
//! |---|---|---|---|---|
//! | a claim | the event's | its token's digest | no | the lease ends |
//! | a handled event | the event's | its token's digest | yes | the retention ends |
//! | a released event, which everybody may claim | the event's | [`NOBODY`] | no | [`RELEASED_FOR`] is over |
//! | a token that was released | a digest of key and owner | [`NOBODY`] | yes | [`RELEASED_FOR`] is over |
//!
//! A handled event that is forgotten becomes a released one, and its token a released one.
//!
//! # A released token never claims
//!
//! A claim and the release of its token can be under way at the same time, in different
//! transactions, each blind to what the other one has not committed. So
//!
//! 1. a release writes the token's row and changes the event's row, whatever is in it, in one step;
//! 2. a claim takes the event's row only in the version that its snapshot shows, and only if the same
//!    snapshot does not show the token's row.
//!
//! If the claim's snapshot is older than the release's commit, the release changes the event's row
//! after that snapshot. Either it does so before the claim takes the row, which then is another
//! version, or after, and then it finds the claim and ends it.
//!
//! Forgetting a handled event does 1 as well, for the token that completed it.
//!
//! The same holds for many keys in one statement. It is one transaction with one snapshot: 1 holds for
//! each release in it, because its two rows are written in that transaction, and 2 for each claim,
//! because its key and its token are looked up in that snapshot, and its row is locked only in the
//! version found there. A statement has no key twice and calls of one kind only, so no call in it can see
//! or change what another one writes. The order of two statements is that of their calls' keys, one by
//! one: calls in one statement are concurrent, and any order between their keys is right.

mod attempts;
mod claim;
mod many;
mod operate;
mod order;
mod settle;
mod table;

use std::sync::Arc;

use countersign::RELEASED_FOR;
use sha2::{Digest, Sha256};

pub(super) use table::{BESIDE, Found, PARTITION, Table};

/// The owner of a row that no token owns.
const NOBODY: &str = "'00000000-0000-0000-0000-000000000000'::uuid";

/// How long a statement waits for another one that is inserting the same key.
const LOCK_TIMEOUT: &str = "250ms";

/// What is named in a statement until it is known: whether it may run, and its tag.
const MAY_RUN: &str = "{may_run}";
const TAG: &str = "{tag}";

/// How a step ended: the second column of every answer, after the tag. Then come what is left of the lease
/// in microseconds, and the row's owner where it is a claim that was asked for.
pub(super) mod outcome {
    /// The claim is the caller's.
    pub(in crate::postgres) const FRESH: i32 = 0;
    /// Somebody else holds it.
    pub(in crate::postgres) const IN_FLIGHT: i32 = 1;
    /// The event is handled.
    pub(in crate::postgres) const DONE: i32 = 2;
    /// The step could be done, but somebody is changing the row at this moment, or has changed it
    /// since the statement began. Ask again.
    pub(in crate::postgres) const BUSY: i32 = 3;
    /// The caller's token has been released.
    pub(in crate::postgres) const RELEASED: i32 = 4;
    /// The claim was the caller's and has ended as asked.
    pub(in crate::postgres) const SETTLED: i32 = 5;
    /// The claim was not the caller's.
    pub(in crate::postgres) const LOST: i32 = 6;
    /// The claim is completed, by the transaction that the caller is in.
    pub(in crate::postgres) const COMPLETED_HERE: i32 = 7;
    /// The claim is completed, by a transaction that has committed.
    pub(in crate::postgres) const COMPLETED: i32 = 8;
    /// The claim is the caller's, and not completed.
    pub(in crate::postgres) const HELD: i32 = 9;
    /// The version is the entity's newest one, and the event's own.
    pub(in crate::postgres) const NEWEST: i32 = 10;
    /// A newer one is there.
    pub(in crate::postgres) const SUPERSEDED: i32 = 11;
    /// The same is there, of another event.
    pub(in crate::postgres) const SAME: i32 = 12;
}

/// A statement, which always answers one row for each key: its tag, how it ended, what is left of the
/// lease, whose it is, and the key if it is for many.
///
/// Behind a pooler that mixes up prepared statements the server may run another statement of ours
/// than the one that was asked for, with the values of this one. So a prepared one takes its own tag
/// as its last value and changes nothing for another one.
pub(super) struct Statement {
    /// With the values as `$1`, `$2` …, to be written in their place.
    pub(super) plain: Arc<str>,
    /// With the tag as one more value.
    pub(super) prepared: Arc<str>,
    /// Differs from that of every other statement, also on another table or of another version.
    pub(super) tag: String,
}

impl Statement {
    /// `values` is how many it takes without the tag.
    fn new(template: &str, values: usize) -> Self {
        let digest = Sha256::digest(template);
        let tag: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let sql = template.replace(TAG, &format!("'{tag}'::text"));
        let asked = format!("${}::text = '{tag}'", values.saturating_add(1));
        Self {
            plain: sql.replace(MAY_RUN, "true").into(),
            prepared: sql.replace(MAY_RUN, &asked).into(),
            tag,
        }
    }
}

pub(super) struct Statements {
    /// `$1` key, `$2` owner, `$3` lease, `$4` the released token's key.
    pub(super) claim: Statement,
    /// `$1` key, `$2` owner, `$3` retention.
    pub(super) complete: Statement,
    /// `$1` key, `$2` owner, `$3` retention.
    pub(super) complete_in: Statement,
    /// `$1` key, `$2` owner, `$3` the released token's key.
    pub(super) release: Statement,
    /// `$1` key, `$2` owner.
    pub(super) look: Statement,
    /// `claim` for arrays of its values; so are the next ones.
    pub(super) claims: Statement,
    pub(super) completions: Statement,
    pub(super) releases: Statement,
    pub(super) looks: Statement,
    /// `$1` key, `$2` owner, `$3` the released token's key.
    pub(super) forget: Statement,
    /// The same where there is a table of attempts.
    pub(super) forget_counted: Statement,
    /// `$1` key, `$2` owner, `$3` microseconds.
    pub(super) attempt: String,
    pub(super) uncount: String,
    /// `$1` key, `$2` owner, `$3` microseconds, `$4` the note's digits.
    pub(super) park: String,
    /// `$1` how many.
    pub(super) parked: String,
    pub(super) parked_count: String,
    /// `$1` key.
    pub(super) parked_one: String,
    /// `$1` key, `$2` owner, `$3` entity, `$4` version, `$5` how long it is kept.
    pub(super) newest_in: Statement,
    /// `$1` key, `$2` owner.
    pub(super) fence: Statement,
    /// `$1` key.
    pub(super) state: String,
    pub(super) stats: String,
    /// `$1` how many.
    pub(super) purge: String,
    /// The same for the tables beside it, which a table of an older version does not have.
    pub(super) purge_beside: [String; 2],
    /// Which of these there are.
    pub(super) beside: String,
}

impl Statements {
    pub(super) fn new(table: &Table) -> Self {
        let (attempts, watermarks) = (table.attempts(), table.watermarks());
        let purge_beside = [table::purge(&attempts, "key"), table::purge(&watermarks, "entity")];
        let beside = table::beside(table);
        let table = &table.quoted();
        Self {
            claim: Statement::new(&claim::claim(table), 4),
            complete: Statement::new(&settle::complete(table), 3),
            complete_in: Statement::new(&settle::complete_in(table), 3),
            release: Statement::new(&settle::release(table), 3),
            look: Statement::new(&settle::look(table), 2),
            claims: Statement::new(&many::claims(table), 4),
            completions: Statement::new(&many::completions(table), 3),
            releases: Statement::new(&many::releases(table), 3),
            looks: Statement::new(&many::looks(table), 2),
            forget: Statement::new(&operate::forget(table, None), 3),
            forget_counted: Statement::new(&operate::forget(table, Some(&attempts)), 3),
            attempt: attempts::attempt(table, &attempts),
            uncount: attempts::uncount(&attempts),
            park: attempts::park(table, &attempts),
            parked: attempts::parked(table, &attempts, "ORDER BY parked_at, key LIMIT $1"),
            parked_one: attempts::parked(table, &attempts, "AND key = $1::uuid"),
            parked_count: attempts::parked_count(table, &attempts),
            state: operate::state(table, &attempts),
            newest_in: Statement::new(&order::newest_in(table, &watermarks), 5),
            fence: Statement::new(&order::fence(table), 2),
            stats: operate::stats(table),
            purge: table::purge(table, "key"),
            purge_beside,
            beside,
        }
    }
}

/// When a released token or event is forgotten.
fn released_until() -> String {
    format!("clock_timestamp() + {} * interval '1 second'", RELEASED_FOR.as_secs())
}
