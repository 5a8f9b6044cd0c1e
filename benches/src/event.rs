//! Genuine events: the documented payload, filled up to a size, each with an id of its own.

use std::time::SystemTime;

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::BareMac;
use crate::sender::{PIORA, Sender};

/// Makes events that happened when the bench began.
pub struct Events {
    pub sender: &'static Sender,
    head: String,
    tail: String,
    mac: BareMac,
    number: u64,
}

/// A field that nobody reads, as real payloads have plenty of: `,"f0000":"xxx…"`.
const FILLER: usize = 64;

impl Events {
    /// Events of Piora of this many bytes, 256 at the least.
    pub fn of_size(size: usize) -> Self {
        Self::of(&PIORA, size)
    }

    /// The same of another sender.
    pub fn of(sender: &'static Sender, size: usize) -> Self {
        let now = OffsetDateTime::from(SystemTime::now()).truncate_to_second();
        let now = now.format(&Rfc3339).expect("a time of this age");
        let head = sender.head.replace("TIME", &now);
        let mut tail = String::from(sender.tail);
        let end = "}}";
        let mut left = size - (head.len() + 16 + tail.len() + end.len());
        for number in 0.. {
            // The last one takes what is left, so that none is too short to be a field.
            let length = if left < 2 * FILLER { left } else { FILLER };
            let value = "x".repeat(length - r#","f0000":"""#.len());
            tail.push_str(&format!(r#","f{number:04}":"{value}""#));
            left -= length;
            if left == 0 {
                break;
            }
        }
        Self { sender, head, tail: tail + end, mac: BareMac::new(), number: 0 }
    }

    /// Another event.
    pub fn next_body(&mut self) -> Bytes {
        self.number += 1;
        self.last_body()
    }

    /// The last one again.
    pub fn last_body(&self) -> Bytes {
        format!("{}{:016x}{}", self.head, self.number, self.tail).into()
    }

    /// What the sender signs a body with, in hex after the algorithm's name.
    pub fn signature(&self, body: &[u8]) -> String {
        format!("sha256={}", hex::encode(self.mac.of(body)))
    }
}
