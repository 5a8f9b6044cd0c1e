//! JSON, read in one way for the envelope and for typed events.
//!
//! It is our own because what serde_json makes of a number depends on features that anybody in the
//! user's tree can turn on (`arbitrary_precision`, `float_roundtrip`), and because it refuses, for
//! one field that is not looked at, a whole event that JavaScript writes and reads.

mod de;
mod open;
mod scan;
mod text;

use serde::de::{Deserialize, Error as _};

use self::open::Open;

/// What is made of JSON that has no place in Rust's strings and numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// It is refused where it is read. Two ids that differ only there are different ids.
    Exact,
    /// A string gets U+FFFD for what is not Unicode; a number that no `f64` holds, and what is
    /// nested more than [`MAX_DEPTH`] deep, are null.
    Lossy,
}

/// As deep as serde_json goes.
const MAX_DEPTH: usize = 127;

/// Reads JSON from bytes, as a serde `Deserializer`.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    mode: Mode,
    depth: usize,
    /// For skipping.
    open: Open,
}

impl<'a> Reader<'a> {
    /// For the fields that tell events apart.
    pub(crate) fn exact(body: &'a [u8]) -> Self {
        Self { rest: body, mode: Mode::Exact, depth: 0, open: Open::default() }
    }

    fn lossy(body: &'a [u8]) -> Self {
        Self { mode: Mode::Lossy, ..Self::exact(body) }
    }

    /// Whether an array comes next.
    pub(crate) fn is_array(&mut self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Nothing but white space may follow.
    pub(crate) fn end(mut self) -> serde_json::Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(serde_json::Error::custom("something follows the JSON value")),
        }
    }
}

/// Reads a whole body, by this function of a type, so that nothing in it that is not looked at can
/// lose the event.
pub(crate) fn read_lossy<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> serde_json::Result<T>,
) -> serde_json::Result<T> {
    let mut reader = Reader::lossy(body);
    let value = read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The same for a type of the user's. It is serde_json's to read where serde_json can.
pub(crate) fn read_own<T: serde::de::DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|error| {
        if error.is_data() {
            return Err(error);
        }
        let value = read_lossy(body, |json| serde_json::Value::deserialize(json));
        value.and_then(serde_json::from_value).map_err(|_| error)
    })
}
