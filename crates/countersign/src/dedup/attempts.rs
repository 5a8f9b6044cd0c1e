//! Attempts that are counted, and events that are parked after too many: what stores answer and keep.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::key::EventKey;

/// What [`Store::attempt`](super::Store::attempt) answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempt {
    /// The claim is counted.
    Counted {
        /// Which attempt of the event this is: 1 is the first.
        number: u32,
        /// How long ago the first attempt was.
        since_first: Duration,
    },
    /// The claim is not held. Nothing has changed.
    Lost,
}

/// What is kept of an event that is parked, for the people who look into it: nothing of its body, its
/// headers or its secrets.
///
/// A text that is longer than [`LONGEST`](Self::LONGEST) bytes is cut, at the end of a character.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ParkedNote {
    /// The endpoint's name.
    pub endpoint: String,
    /// The tenant, where the endpoint has tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The event's type, where the proof covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// What a header outside of the proof says that the event's type is, where there is no other: whoever
    /// has captured a delivery can send it again with any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unverified_event_type: Option<String>,
    /// The provider's id of the event, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Why it is parked.
    pub reason: String,
}

impl ParkedNote {
    /// How long a text may be, in bytes.
    pub const LONGEST: usize = 256;

    /// A note with these two texts and no others.
    #[must_use]
    pub fn new(endpoint: &str, reason: &str) -> Self {
        let (endpoint, reason) = (cut(endpoint), cut(reason));
        let (tenant, event_type, unverified_event_type, event_id) = (None, None, None, None);
        Self { endpoint, tenant, event_type, unverified_event_type, event_id, reason }
    }

    /// The same note, with the tenant.
    #[must_use]
    pub fn tenant(self, tenant: Option<&str>) -> Self {
        Self { tenant: tenant.map(cut), ..self }
    }

    /// The same note, with the event's type and the provider's id of it.
    #[must_use]
    pub fn event(self, event_type: Option<&str>, id: Option<&str>) -> Self {
        Self { event_type: event_type.map(cut), event_id: id.map(cut), ..self }
    }

    /// The same note, with what a header outside of the proof says that the event's type is.
    #[must_use]
    pub fn unverified_event_type(self, event_type: Option<&str>) -> Self {
        Self { unverified_event_type: event_type.map(cut), ..self }
    }

    /// The note as JSON, for stores: ASCII alone, so that a database of any encoding can keep it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts under names always become JSON.
        let json = serde_json::to_string(self).unwrap_or_default();
        let mut ascii = String::with_capacity(json.len());
        for character in json.chars() {
            if character.is_ascii() {
                ascii.push(character);
            } else {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    ascii.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        ascii
    }

    /// A note that [`to_json`](Self::to_json) made, perhaps of another version: what this one does not
    /// know is ignored. None for what is no note.
    #[must_use]
    pub fn from_json(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

/// An event that is parked: what [`Store::parked`](super::Store::parked) lists.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parked {
    /// The event's key, for [`Store::forget`](super::Store::forget).
    pub key: EventKey,
    /// What is known of it.
    pub note: ParkedNote,
    /// How many attempts to handle it were counted; 0 where none were.
    pub attempts: u32,
    /// When it was parked, by the store's clock.
    pub parked_at: SystemTime,
}

impl Parked {
    /// For stores.
    #[must_use]
    pub const fn new(
        key: EventKey,
        note: ParkedNote,
        attempts: u32,
        parked_at: SystemTime,
    ) -> Self {
        Self { key, note, attempts, parked_at }
    }
}

/// The text, or as much of its beginning as is kept.
fn cut(text: &str) -> String {
    let mut end = text.len().min(ParkedNote::LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_survives_as_ascii() {
        let note = ParkedNote::new("piora", "Größe 🦀 '\\\"\n\u{0}")
            .tenant(Some("ä"))
            .event(Some("deployment.failed"), None)
            .unverified_event_type(Some("push"));
        let json = note.to_json();
        assert!(json.is_ascii(), "{json}");
        assert_eq!(ParkedNote::from_json(&json), Some(note));
        assert_eq!(ParkedNote::from_json("{}"), None);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = format!("x{}", "é".repeat(200));
        assert_eq!(cut(&text).len(), 255);
        assert_eq!(cut("short"), "short");
    }
}
