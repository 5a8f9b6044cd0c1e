//! The texts of a head that are needed once the body is there.

/// Kept inline, so that the usual ones allocate nothing.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    bytes: [u8; CAPACITY],
    /// Where each of the texts ends; it begins where the one before it ends.
    ends: [u8; KINDS],
    /// What headers claim outside of the proof, where there is not enough room for it.
    long_claims: Option<Box<LongClaims>>,
    /// How many bytes of pieces follow after the texts.
    pieces: u8,
    /// The pieces, where there is not enough room for them.
    long_pieces: Vec<u8>,
}

const CAPACITY: usize = 176;
const KINDS: usize = 6;

/// The longest id of a delivery.
pub(crate) const LONGEST_ID: usize = 128;

impl Texts {
    /// Keeps the time and the id; false if one is longer than it may be.
    #[inline]
    pub(crate) fn keep(&mut self, time: &[u8], id: &[u8]) -> bool {
        if time.len() > crate::window::MAX_TIME_LENGTH || id.len() > LONGEST_ID {
            return false;
        }
        let (time_end, id_end) = (time.len(), time.len() + id.len());
        // Together they fit; the rest begins where the id ends.
        if let Some((place, rest)) = self.bytes.split_at_mut_checked(time_end)
            && let Some(next) = rest.get_mut(..id.len())
        {
            place.copy_from_slice(time);
            next.copy_from_slice(id);
            self.ends = [id_end as u8; KINDS];
            self.ends[0] = time_end as u8;
        }
        true
    }

    /// Keeps what headers claim outside of the proof. It may be part of a key, so nothing is passed over:
    /// two events would be one.
    pub(crate) fn keep_unverified(&mut self, claims: [&[u8]; 4]) {
        let length = claims.iter().fold(0_usize, |sum, claim| sum.saturating_add(claim.len()));
        if length > CAPACITY.saturating_sub(self.start(2)) {
            self.long_claims = Some(Box::new(LongClaims::new(claims, length)));
            return;
        }
        for (place, claim) in (2..).zip(claims) {
            self.put(place, claim);
        }
    }

    /// Keeps the parts of the signed content that are made of the head, in their order. Nothing else may
    /// be kept after them.
    pub(super) fn keep_pieces(
        &mut self,
        write: impl FnOnce(&mut Pieces<'_>) -> Option<()>,
    ) -> Option<()> {
        let start = self.start(KINDS);
        let room = self.bytes.get_mut(start..).unwrap_or_default();
        let mut pieces = Pieces { room, used: 0, long: Vec::new() };
        write(&mut pieces)?;
        // The room has 176 bytes.
        (self.pieces, self.long_pieces) = (pieces.used as u8, pieces.long);
        Some(())
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

    /// What [`keep_pieces`](Self::keep_pieces) has kept.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let start = self.start(KINDS);
        let mut left = match &*self.long_pieces {
            [] => self.bytes.get(start..start + usize::from(self.pieces)).unwrap_or_default(),
            long => long,
        };
        std::iter::from_fn(move || {
            let (length, rest) = left.split_first_chunk()?;
            let (piece, rest) = rest.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            left = rest;
            Some(piece)
        })
    }

    #[inline]
    pub(crate) fn time(&self) -> &[u8] {
        self.bytes.get(..self.ends[0].into()).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn id(&self) -> &[u8] {
        self.bytes.get(self.ends[0].into()..self.ends[1].into()).unwrap_or_default()
    }

    /// The event type, the id, the channel and the attempt number that headers claim outside of the
    /// proof.
    pub(crate) fn unverified(&self) -> [&[u8]; 4] {
        match &self.long_claims {
            Some(long) => long.claims(),
            None => [self.text(2), self.text(3), self.text(4), self.text(5)],
        }
    }
}

/// Claims, one after the other, and how long each is.
#[derive(Clone, Debug)]
struct LongClaims {
    bytes: Vec<u8>,
    lengths: [usize; 4],
}

impl LongClaims {
    fn new(claims: [&[u8]; 4], length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length);
        claims.iter().for_each(|claim| bytes.extend_from_slice(claim));
        Self { bytes, lengths: claims.map(<[u8]>::len) }
    }

    fn claims(&self) -> [&[u8]; 4] {
        let mut left = &*self.bytes;
        self.lengths.map(|length| {
            let (claim, rest) = left.split_at_checked(length).unwrap_or_default();
            left = rest;
            claim
        })
    }
}

impl Texts {
    /// What a scheme has that keeps nothing.
    pub(crate) const NONE: &'static Self = &Self::EMPTY;

    const EMPTY: Self = Self {
        bytes: [0; CAPACITY],
        ends: [0; KINDS],
        long_claims: None,
        pieces: 0,
        long_pieces: Vec::new(),
    };
}

impl Default for Texts {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Pieces that are being written, each with its length before it: into the room that is left, or, if
/// they are longer, into one buffer of their own.
pub(super) struct Pieces<'r> {
    room: &'r mut [u8],
    used: usize,
    long: Vec<u8>,
}

/// Longer targets than this are rare, so that one allocation is enough.
const USUAL: usize = 1024;

impl Pieces<'_> {
    /// Adds a piece, made of all that is pushed meanwhile.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let at = self.written().len();
        self.push(&[0; 4]);
        let start = self.written().len();
        write(self)?;
        let length = u32::try_from(self.written().len() - start).ok()?;
        let written = if self.long.is_empty() { &mut *self.room } else { &mut *self.long };
        written.get_mut(at..start)?.copy_from_slice(&length.to_ne_bytes());
        Some(())
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        match self.room.get_mut(self.used..end).filter(|_| self.long.is_empty()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used = end;
            }
            None => {
                if self.long.is_empty() {
                    self.long.reserve(self.used + bytes.len().max(USUAL));
                    self.long.extend_from_slice(self.room.get(..self.used).unwrap_or_default());
                }
                self.long.extend_from_slice(bytes);
            }
        }
    }

    fn written(&self) -> &[u8] {
        match &*self.long {
            [] => self.room.get(..self.used).unwrap_or_default(),
            long => long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Claims of all lengths around the room's end.
    #[test]
    fn claims_are_kept_whole_however_long_they_are() {
        for (first, length) in (0..200).flat_map(|first| (0..200).map(move |at| (first, at))) {
            let mut texts = Texts::default();
            assert!(texts.keep(b"1779546600", b"id"));
            let (first, second) = (vec![b'a'; first], vec![b'b'; length]);
            let claims = [&*first, &*second, b"", b"3"];
            texts.keep_unverified(claims);
            assert_eq!(texts.unverified(), claims);
            assert_eq!((texts.time(), texts.id()), (&b"1779546600"[..], &b"id"[..]));
        }
    }

    /// Pieces of all lengths around the room's end, after texts of all lengths.
    #[test]
    fn pieces_are_kept_whole_wherever_they_are() {
        for (before, length) in (0..=96).flat_map(|before| (0..200).map(move |at| (before, at))) {
            let mut texts = Texts::default();
            let claim = vec![b'c'; before];
            texts.keep_unverified([&claim, b"", b"", b""]);
            let (first, last) = (vec![b'a'; length], vec![b'b'; 3]);
            let write = |pieces: &mut Pieces<'_>| {
                pieces.add(|piece| {
                    first.iter().for_each(|byte| piece.push(&[*byte]));
                    Some(())
                })?;
                pieces.add(|_| Some(()))?;
                pieces.add(|piece| {
                    piece.push(&last);
                    Some(())
                })
            };
            texts.keep_pieces(write).unwrap();
            let kept: Vec<_> = texts.pieces().collect();
            assert_eq!(kept, [&*first, b"", &*last], "{before} {length}");
            assert_eq!(texts.unverified()[0], claim);
        }
    }
}
