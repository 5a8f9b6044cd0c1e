//! The version of a store's tables: what they say, and who may work with them.
//!
//! | version | |
//! |---|---|
//! | 1 | the table and its index, and no word of a version |
//! | 2 | the same, and it says its version. In PostgreSQL the row of a released token is named after its owner |
//! | 3 | the same, and two tables beside it: `…_attempts` and `…_watermarks` |
//!
//! A table says its version, and the oldest version whose programs may work with it, in [`Stamp`]'s
//! words: in PostgreSQL in the table's comment, in SQLite in the text of a view. Both are in a dump of the
//! schema and in one of everything.

use std::fmt;

/// The version that this crate makes.
pub(crate) const CURRENT: u32 = 3;

/// The version of a table that says nothing.
const UNSAID: u32 = 1;

/// The oldest version whose programs may work with a table as this crate makes it.
const OLDEST: u32 = 1;

/// What the tables beside the store's own are named, after its name.
pub(crate) const ATTEMPTS: &str = "_attempts";
pub(crate) const WATERMARKS: &str = "_watermarks";

/// The first version that has them.
#[cfg(feature = "postgres")]
pub(crate) const BESIDE_SINCE: u32 = 3;

/// The words before the numbers.
const VERSION: &str = "countersign schema ";
const PROGRAMS: &str = ", for programs from schema ";

/// What a table says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    version: u32,
    oldest: u32,
}

impl Stamp {
    pub(crate) const CURRENT: Self = Self { version: CURRENT, oldest: OLDEST };

    /// A regular expression of what is replaced by the next version, in PostgreSQL's words.
    #[cfg(feature = "postgres")]
    pub(crate) const PATTERN: &str =
        "countersign schema [0-9]+(, for programs from schema [0-9]+)?";

    /// From the text that holds it, among other words perhaps.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let number = |text: &str| {
            let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
            text.get(..end)?.parse().ok()
        };
        let read = |text: &str| {
            let (_, version) = text.split_once(VERSION)?;
            let oldest = version.split_once(PROGRAMS).and_then(|(_, oldest)| number(oldest));
            let version = number(version)?;
            // What does not say who may work with it is for its own version.
            Some(Self { version, oldest: oldest.unwrap_or(version) })
        };
        text.and_then(read).unwrap_or(Self { version: UNSAID, oldest: UNSAID })
    }

    /// Whether it is one with the tables beside the store's own.
    #[cfg(feature = "postgres")]
    pub(crate) const fn has_tables_beside(self) -> bool {
        self.version >= BESIDE_SINCE
    }

    pub(crate) fn state(self) -> SchemaState {
        let Self { version, oldest } = self;
        match version {
            _ if oldest > CURRENT => SchemaState::TooNew { version, needs: oldest },
            CURRENT => SchemaState::Current,
            newer if newer > CURRENT => SchemaState::Newer { version },
            _ => SchemaState::Older { version },
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{}{PROGRAMS}{}", self.version, self.oldest)
    }
}

/// How the table of a store stands to this version of the crate, and what `migrate()` would do.
/// `Display` says both in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaState {
    /// There is no table: `migrate()` makes it.
    Missing,
    /// It was made by an older version. The store works with it; `migrate()` brings it to
    /// [`CURRENT`](Self::CURRENT).
    Older {
        /// Its version.
        version: u32,
    },
    /// It has this version, and tables beside it were dropped: `migrate()` makes them again, empty.
    Incomplete {
        /// What the names of those that are missing end with, such as `_attempts`.
        missing: &'static str,
    },
    /// It is as this version makes it: `migrate()` changes nothing.
    Current,
    /// It was made by a newer version, which lets this one work with it: `migrate()` changes nothing.
    Newer {
        /// Its version.
        version: u32,
    },
    /// It was made by a newer version, and this one cannot work with it. Calls of the store fail.
    TooNew {
        /// Its version.
        version: u32,
        /// The oldest schema version that a program has to know.
        needs: u32,
    },
}

impl SchemaState {
    /// The same, if these tables beside it are there.
    pub(crate) fn with_beside(self, attempts: bool, watermarks: bool) -> Self {
        let missing = match (attempts, watermarks) {
            (true, true) => return self,
            (false, true) => ATTEMPTS,
            (true, false) => WATERMARKS,
            (false, false) => "_attempts or _watermarks",
        };
        if self == Self::Current { Self::Incomplete { missing } } else { self }
    }

    /// The schema version that this version of the crate makes.
    pub const CURRENT: u32 = CURRENT;

    /// Whether `migrate()` would change something.
    #[must_use]
    pub const fn needs_migration(&self) -> bool {
        matches!(self, Self::Missing | Self::Older { .. } | Self::Incomplete { .. })
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => {
                write!(f, "there is no table; a migration makes it, of schema version {CURRENT}")
            }
            Self::Older { version } => write!(
                f,
                "the table has schema version {version}; a migration brings it to version \
                 {CURRENT}, and programs of version {OLDEST} go on working with it"
            ),
            Self::Incomplete { missing } => write!(
                f,
                "the table has schema version {CURRENT}, but beside it there is no table whose name ends \
                 with {missing}; a migration makes what is missing"
            ),
            Self::Current => {
                write!(f, "the table has schema version {CURRENT}; there is nothing to do")
            }
            Self::Newer { version } => write!(
                f,
                "the table has schema version {version}, which is newer than this program's \
                 {CURRENT}; both work together, and there is nothing to do"
            ),
            Self::TooNew { version, needs } => write!(
                f,
                "the table has schema version {version}, which needs a program that knows version \
                 {needs} or later; this program is too old, it knows version {CURRENT}: start the \
                 version that made the table, or a newer one"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_among_other_words() {
        let text = format!("Webhooks, ask Ana.\n{}", Stamp::CURRENT);
        assert_eq!(Stamp::read(Some(&text)), Stamp::CURRENT);
        assert_eq!(Stamp::read(Some(&text)).state(), SchemaState::Current);
        for none in [None, Some(""), Some("Webhooks"), Some("countersign schema x")] {
            assert_eq!(Stamp::read(none).state(), SchemaState::Older { version: 1 }, "{none:?}");
        }
        let newer = Stamp::read(Some("countersign schema 9, for programs from schema 2."));
        assert_eq!(newer.state(), SchemaState::Newer { version: 9 });
        let newer = Stamp::read(Some("countersign schema 10, for programs from schema 4"));
        assert_eq!(newer.state(), SchemaState::TooNew { version: 10, needs: 4 });
        let alone = Stamp::read(Some("countersign schema 4"));
        assert_eq!(alone.state(), SchemaState::TooNew { version: 4, needs: 4 });
    }
}
