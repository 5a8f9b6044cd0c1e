//! Headers that hold a list.

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
        let separates = move |byte: &u8| {
            let character = char::from(*byte);
            character == self.item || Some(character) == self.group
        };
        value.split(separates).map(<[u8]>::trim_ascii)
    }
}
