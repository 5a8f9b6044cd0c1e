//! A text that stands in a delivery's body, without a copy of it.

use std::ops::Range;

/// A text that is known of a delivery.
#[derive(Clone)]
pub(crate) enum Text {
    /// It stands in the body as it is, here.
    InBody(Range<usize>),
    Own(Box<str>),
}

impl Text {
    /// What a reader of this body gave: a part of it, unless there was something to decode.
    pub(crate) fn of(text: &str, body: &[u8]) -> Self {
        match place(text.as_bytes(), body) {
            Some(place) if text.len() <= MOST_IN_BODY => Self::InBody(place),
            _ => Self::Own(text.into()),
        }
    }

    pub(super) fn read<'a>(&'a self, body: &'a [u8]) -> Option<&'a str> {
        match self {
            Self::InBody(place) => std::str::from_utf8(body.get(place.clone())?).ok(),
            Self::Own(text) => Some(text),
        }
    }
}

/// A text in the body is checked to be UTF-8 each time that it is read, so not a long one.
const MOST_IN_BODY: usize = 256;

/// Where this part lies in the body; nothing if it lies elsewhere.
fn place(part: &[u8], body: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    body.get(place.clone()).filter(|found| *found == part)?;
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::{MOST_IN_BODY, Text};

    #[test]
    fn only_a_part_of_the_body_is_not_copied() {
        let body = b"a text and more".as_slice();
        let part = std::str::from_utf8(&body[2..6]).unwrap();
        assert!(matches!(Text::of(part, body), Text::InBody(place) if place == (2..6)));
        assert_eq!(Text::of(part, body).read(body), Some("text"));
        // Equal, but elsewhere; and a part of a body that begins or ends elsewhere.
        for (text, body) in [("text".to_owned(), body), ("text".to_owned(), &body[3..])] {
            assert!(matches!(Text::of(&text, body), Text::Own(own) if *own == *text));
        }
        for other in [&body[3..], &body[..5]] {
            assert!(matches!(Text::of(part, other), Text::Own(own) if &*own == "text"));
        }
        let long = "x".repeat(MOST_IN_BODY + 1);
        assert!(matches!(Text::of(&long, long.as_bytes()), Text::Own(own) if *own == *long));
        assert!(matches!(Text::of(&long[1..], long.as_bytes()), Text::InBody(_)));
    }
}
