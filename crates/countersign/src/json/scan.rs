//! The form of JSON (RFC 8259), and nothing of its meaning. What is skipped is checked for its form
//! too, and takes no stack however deep it is.

use serde::de::Error as _;

use super::Reader;

type Result<T> = serde_json::Result<T>;

pub(super) fn wrong(what: &'static str) -> serde_json::Error {
    serde_json::Error::custom(what)
}

impl<'a> Reader<'a> {
    /// The next byte that is not white space; it stays.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some((byte, rest)) = self.rest.split_first() {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(*byte);
            }
            self.rest = rest;
        }
        None
    }

    /// Takes this byte if it is the next one.
    #[inline]
    pub(super) fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.advance(1);
        }
        there
    }

    #[inline]
    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Takes `null`, `true` or `false`.
    pub(super) fn word(&mut self, word: &'static str) -> Result<()> {
        match self.rest.strip_prefix(word.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(wrong("that is not a JSON value")),
        }
    }

    /// Takes a string after its first quote; tells what is between the quotes, and whether there
    /// are escapes in it.
    #[inline]
    pub(super) fn raw_string(&mut self) -> Result<(&'a [u8], bool)> {
        let whole = self.rest;
        let (mut at, mut escaped) = (0, false);
        loop {
            at += plain_prefix(whole.get(at..).unwrap_or_default());
            match whole.get(at) {
                Some(b'"') => {
                    let (text, _) = whole.split_at_checked(at).unwrap_or((whole, &[]));
                    self.advance(at + 1);
                    return Ok((text, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    at += escape_length(whole.get(at..).unwrap_or_default())
                        .ok_or_else(|| wrong("a string has an escape that JSON has not"))?;
                }
                Some(_) => return Err(wrong("a string has a control character")),
                None => return Err(wrong("a string does not end")),
            }
        }
    }

    /// Takes a number; tells its text, and whether it is written as an integer.
    pub(super) fn raw_number(&mut self) -> Result<(&'a str, bool)> {
        let whole = self.rest;
        let digits = |at: usize| {
            let rest = whole.get(at..).unwrap_or_default();
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let is = |at: usize, wanted: &[u8]| whole.get(at).is_some_and(|byte| wanted.contains(byte));
        let bad = || wrong("that is not a number of JSON");
        let mut at = usize::from(is(0, b"-"));
        let count = digits(at);
        if count == 0 || (is(at, b"0") && count > 1) {
            return Err(bad());
        }
        at += count;
        let integer_ends = at;
        if is(at, b".") {
            let count = digits(at + 1);
            at += 1 + count;
            if count == 0 {
                return Err(bad());
            }
        }
        if is(at, b"eE") {
            at += 1 + usize::from(is(at + 1, b"+-"));
            let count = digits(at);
            at += count;
            if count == 0 {
                return Err(bad());
            }
        }
        let text = whole.get(..at).and_then(|text| std::str::from_utf8(text).ok());
        self.advance(at);
        Ok((text.ok_or_else(bad)?, at == integer_ends))
    }

    /// Takes a value of any kind.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.open.clear();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    self.raw_string()?;
                }
                Some(b'{') => {
                    self.advance(1);
                    if !self.take(b'}') {
                        self.skip_name()?;
                        self.open.push(true);
                        continue;
                    }
                }
                Some(b'[') => {
                    self.advance(1);
                    if !self.take(b']') {
                        self.open.push(false);
                        continue;
                    }
                }
                Some(b'n') => self.word("null")?,
                Some(b't') => self.word("true")?,
                Some(b'f') => self.word("false")?,
                _ => drop(self.raw_number()?),
            }
            loop {
                let Some(is_object) = self.open.last() else { return Ok(()) };
                if self.take(b',') {
                    if is_object {
                        self.skip_name()?;
                    }
                    break;
                }
                if !self.take(if is_object { b'}' } else { b']' }) {
                    return Err(wrong("an array or object does not go on and does not end"));
                }
                self.open.pop();
            }
        }
    }

    fn skip_name(&mut self) -> Result<()> {
        self.name().map(drop)
    }

    /// Takes a field's name and its colon.
    #[inline]
    pub(super) fn name(&mut self) -> Result<(&'a [u8], bool)> {
        if !self.take(b'"') {
            return Err(wrong("an object has something else than a name and its value"));
        }
        let name = self.raw_string()?;
        if self.take(b':') { Ok(name) } else { Err(wrong("a name has no colon")) }
    }
}

/// How many bytes stand before the next quote, backslash or control character. Eight are looked at
/// at a time.
#[inline]
fn plain_prefix(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The highest bit of every byte that is zero; above the first one there may be others.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, _) = text.as_chunks::<8>();
    let mut at = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = quotes | backslashes | controls;
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = text.get(at..).unwrap_or_default();
    let plain = |byte: &&u8| !matches!(byte, b'"' | b'\\' | 0..=0x1f);
    at + rest.iter().take_while(plain).count()
}

fn escape_length(text: &[u8]) -> Option<usize> {
    match text.get(1)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(2),
        b'u' => text.get(2..6)?.iter().all(u8::is_ascii_hexdigit).then_some(6),
        _ => None,
    }
}
