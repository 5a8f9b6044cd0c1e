//! The texts of a head that are needed once the body is there.

/// Kept inline, so that the usual ones allocate nothing.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    bytes: [u8; CAPACITY],
    /// Where each of the texts ends; it begins where the one before it ends.
    ends: [u8; KINDS],
    /// Parts of the signed content that are made of the head, in their order.
    pub(super) pieces: Option<Box<[Vec<u8>]>>,
}

const CAPACITY: usize = 176;
const KINDS: usize = 5;

/// The longest id of a delivery.
const LONGEST_ID: usize = 128;

impl Texts {
    /// Keeps the time and the id; false if one is longer than it may be.
    #[inline]
    pub(crate) fn keep(&mut self, time: &[u8], id: &[u8]) -> bool {
        if time.len() > crate::window::MAX_TIME_LENGTH || id.len() > LONGEST_ID {
            return false;
        }
        self.put(0, time);
        self.put(1, id);
        true
    }

    /// Keeps what headers claim outside of the proof. What is too long for the rest of the room is
    /// passed over.
    pub(crate) fn keep_unverified(&mut self, claims: [&[u8]; 3]) {
        for (place, claim) in (2..).zip(claims) {
            self.put(place, claim);
        }
    }

    #[inline]
    fn put(&mut self, place: usize, text: &[u8]) {
        let start = self.start(place);
        let end = match self.bytes.get_mut(start..start + text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                start + text.len()
            }
            None => start,
        };
        for later in self.ends.iter_mut().skip(place) {
            *later = end as u8;
        }
    }

    fn start(&self, place: usize) -> usize {
        place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| (*end).into())
    }

    fn text(&self, place: usize) -> &[u8] {
        let end = self.ends.get(place).map_or(0, |end| usize::from(*end));
        self.bytes.get(self.start(place)..end).unwrap_or_default()
    }

    pub(super) fn pieces(&self) -> &[Vec<u8>] {
        self.pieces.as_deref().unwrap_or_default()
    }

    #[inline]
    pub(crate) fn time(&self) -> &[u8] {
        self.text(0)
    }

    #[inline]
    pub(crate) fn id(&self) -> &[u8] {
        self.text(1)
    }

    /// The event type, the id and the attempt number that headers claim outside of the proof.
    pub(crate) fn unverified(&self) -> [&[u8]; 3] {
        [self.text(2), self.text(3), self.text(4)]
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self { bytes: [0; CAPACITY], ends: [0; KINDS], pieces: None }
    }
}
