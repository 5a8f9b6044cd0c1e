//! How a key is made of what tells events apart.

use sha2::{Digest, Sha256};

use super::EventKey;
use crate::envelope::Value;

/// Hashes what a key is made of. No two different sequences of calls feed the same bytes: every
/// piece is tagged, and its length stands before it.
#[derive(Clone)]
pub(crate) struct KeyHasher(Sha256);

impl KeyHasher {
    /// A hasher for one endpoint's keys; clone it for every delivery.
    pub(crate) fn new(endpoint: &str) -> Self {
        let mut hasher = Self(Sha256::new_with_prefix(b"countersign event key 1"));
        hasher.bytes(endpoint.as_bytes());
        hasher
    }

    /// A hasher for the keys of one tenant of that endpoint.
    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.0.update(b"T");
        self.bytes(tenant.as_bytes());
        self
    }

    /// The key of an event with an id.
    pub(crate) fn id(mut self, id: &[u8]) -> EventKey {
        self.0.update(b"i");
        self.bytes(id);
        self.finish()
    }

    /// The key of an event that some fields tell apart.
    pub(crate) fn fields<'a, 'v: 'a>(
        mut self,
        values: impl Iterator<Item = Option<&'a Value<'v>>>,
    ) -> EventKey {
        self.0.update(b"f");
        for value in values {
            match value {
                None | Some(Value::Other) => self.0.update(b"-"),
                Some(Value::Text(text)) => {
                    self.0.update(b"t");
                    self.bytes(text.as_bytes());
                }
                Some(Value::Integer(number)) => {
                    self.0.update(b"n");
                    self.0.update(number.to_be_bytes());
                }
                Some(Value::Bool(value)) => self.0.update(if *value { b"1" } else { b"0" }),
            }
        }
        self.finish()
    }

    /// The key of an event that only its signed content tells apart, and the type, the id and the
    /// channel that headers claim, where there are such and they count.
    pub(crate) fn content(
        mut self,
        claims: [&[u8]; 3],
        feed: impl FnOnce(&mut dyn FnMut(&[u8])),
    ) -> EventKey {
        for (tag, claim) in [b"y", b"d", b"h"].into_iter().zip(claims) {
            if !claim.is_empty() {
                self.0.update(tag);
                self.bytes(claim);
            }
        }
        self.0.update(b"c");
        feed(&mut |bytes| self.0.update(bytes));
        self.finish()
    }

    /// Names an entity that events are about. No event has this key.
    pub(crate) fn entity(mut self, name: &str) -> [u8; 16] {
        self.0.update(b"e");
        self.bytes(name.as_bytes());
        self.finish().0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> EventKey {
        let digest: [u8; 32] = self.0.finalize().into();
        let (half, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
        EventKey(*half)
    }
}
