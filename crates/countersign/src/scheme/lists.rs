//! Headers that hold a list.

use memchr::{memchr, memchr2};

/// How the items of a list header are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separators {
    pub(crate) item: char,
    /// Between groups of items, where a header has several groups.
    pub(crate) group: Option<char>,
}

impl Separators {
    /// The items of a header, without the spaces around them.
    pub(crate) fn items(self, value: &[u8]) -> Items<'_> {
        Items { left: Some(value), separators: self.bytes(), usual: usize::MAX, is_list: true }
    }

    /// The same for who looks for items of this prefix with so many characters of hex or base64 after
    /// it. Shorter ones that fill such a length together are given as one item, for what is not looked
    /// for is not worth a search.
    #[inline]
    pub(super) fn items_of_length<'v>(
        self,
        prefix: &str,
        length: usize,
        value: &'v [u8],
    ) -> Items<'v> {
        let has_usual =
            !self.can_be_within(prefix) && !prefix.starts_with(|c: char| c.is_ascii_whitespace());
        let usual = if has_usual { prefix.len() + length } else { usize::MAX };
        Items { usual, ..self.items(value) }
    }

    /// Whether a separator could be part of a signature, in hex or in base64 after this prefix.
    fn can_be_within(self, prefix: &str) -> bool {
        let can_be = |character: char| {
            character.is_ascii_alphanumeric()
                || matches!(character, '+' | '/' | '-' | '_' | '=')
                || prefix.contains(character)
        };
        can_be(self.item) || self.group.is_some_and(can_be)
    }

    /// A character that is no single byte is in no header.
    fn bytes(self) -> Option<(u8, u8)> {
        let byte = |character: char| u8::try_from(character).ok();
        match (byte(self.item), self.group.and_then(byte)) {
            (Some(item), group) => Some((item, group.unwrap_or(item))),
            (None, group) => group.map(|group| (group, group)),
        }
    }
}

/// The items of a header that holds a list, or the one of another.
pub(crate) struct Items<'v> {
    left: Option<&'v [u8]>,
    separators: Option<(u8, u8)>,
    /// How long an item is that is looked for. It neither begins nor ends with a space.
    usual: usize,
    is_list: bool,
}

impl<'v> Items<'v> {
    /// One item, which is the header's whole value.
    #[inline]
    pub(super) fn whole(value: &'v [u8]) -> Self {
        Self { left: Some(value), separators: None, usual: usize::MAX, is_list: false }
    }

    /// What is not taken apart yet.
    #[inline]
    pub(super) fn left(&self) -> &'v [u8] {
        self.left.unwrap_or_default()
    }

    /// An item of another length.
    fn search(&mut self, value: &'v [u8]) -> &'v [u8] {
        let end = self.separators.and_then(|separators| match separators {
            (item, group) if item == group => memchr(item, value),
            (item, group) => memchr2(item, group, value),
        });
        let item = match end.and_then(|end| value.split_at_checked(end)) {
            Some((item, rest)) => {
                self.left = rest.get(1..);
                item
            }
            None => value,
        };
        if self.is_list { item.trim_ascii() } else { item }
    }
}

impl<'v> Iterator for Items<'v> {
    type Item = &'v [u8];

    #[inline]
    fn next(&mut self) -> Option<&'v [u8]> {
        let value = self.left.take()?;
        if let Some((item, [next, rest @ ..])) = value.split_at_checked(self.usual)
            && let Some((one, other)) = self.separators
            && (*next == one || *next == other)
        {
            self.left = Some(rest);
            // With spaces around it, it would be shorter than what is looked for.
            return Some(item);
        }
        Some(self.search(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_what_stands_between_separators() {
        let split = |item, group, value: &'static str| -> Vec<&[u8]> {
            Separators { item, group }.items(value.as_bytes()).collect()
        };
        let expected: [&[u8]; 5] = [b"", b"a", b"", b"b c", b""];
        assert_eq!(split(',', None, ",a ,,\tb c ,"), expected);
        assert_eq!(split(',', Some(';'), ",a ;,\tb c ;"), expected);
        assert_eq!(split('☃', Some(';'), ";a ;;\tb c ;"), expected);
        assert_eq!(split(' ', Some(' '), "a  b"), [&b"a"[..], b"", b"b"]);
        assert_eq!(split('☃', None, "a,b☃c"), ["a,b☃c".as_bytes()]);
        assert_eq!(split(',', None, ""), [b""]);
    }

    /// Every list of eight characters: the items of a length are the same ones.
    #[test]
    fn items_of_a_length_are_all_found() {
        let list = Separators { item: ',', group: Some(';') };
        for length in 1..=3 {
            for number in 0..4_usize.pow(8) {
                let character = |at: usize| b"a,; "[(number >> (2 * at)) % 4];
                let value: Vec<u8> = (0..8).map(character).collect();
                let is_one =
                    |item: &&[u8]| item.len() == length && item.iter().all(|byte| *byte == b'a');
                let all: Vec<_> = list.items(&value).filter(is_one).collect();
                let found = list.items_of_length("", length, &value);
                let found: Vec<_> = found.filter(is_one).collect();
                assert_eq!(found, all, "{length} {:?}", String::from_utf8_lossy(&value));
            }
        }
    }
}
