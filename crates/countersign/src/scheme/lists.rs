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
    pub(crate) fn items(self, value: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.split(value, usize::MAX)
    }

    /// The same for who looks for items of one length only, in which no separator can be. Shorter ones
    /// that fill such a length together are given as one item, for what is not looked for is not
    /// worth a search.
    pub(super) fn items_of_length(
        self,
        length: usize,
        value: &[u8],
    ) -> impl Iterator<Item = &[u8]> {
        self.split(value, length)
    }

    /// Whether a separator could be part of a signature, in hex or in base64 after this prefix.
    pub(super) fn can_be_within(self, prefix: &str) -> bool {
        let can_be = |character: char| {
            character.is_ascii_alphanumeric()
                || matches!(character, '+' | '/' | '-' | '_' | '=')
                || prefix.contains(character)
        };
        can_be(self.item) || self.group.is_some_and(can_be)
    }

    #[inline(always)]
    fn split(self, value: &[u8], usual: usize) -> impl Iterator<Item = &[u8]> {
        // A character that is no single byte is in no header.
        let byte = |character: char| u8::try_from(character).ok();
        let separators = match (byte(self.item), self.group.and_then(byte)) {
            (Some(item), group) => Some((item, group.unwrap_or(item))),
            (None, group) => group.map(|group| (group, group)),
        };
        let separates = move |byte: &u8| {
            separators.is_some_and(|(item, group)| *byte == item || *byte == group)
        };
        let search = move |value: &[u8]| match separators? {
            (item, group) if item == group => memchr(item, value),
            (item, group) => memchr2(item, group, value),
        };
        let mut left = Some(value);
        std::iter::from_fn(move || {
            let value = left.take()?;
            let end = match value.get(usual) {
                Some(byte) if separates(byte) => Some(usual),
                _ => search(value),
            };
            let item = match end.and_then(|end| value.split_at_checked(end)) {
                Some((item, rest)) => {
                    left = rest.get(1..);
                    item
                }
                None => value,
            };
            Some(item.trim_ascii())
        })
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
                let found: Vec<_> = list.items_of_length(length, &value).filter(is_one).collect();
                assert_eq!(found, all, "{length} {:?}", String::from_utf8_lossy(&value));
            }
        }
    }
}
