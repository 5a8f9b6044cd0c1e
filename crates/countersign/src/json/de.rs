//! [`Reader`] as serde sees it.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Error;

use super::scan::wrong;
use super::text::Text;
use super::{MAX_DEPTH, Mode, Reader};

/// With some of its features on, serde_json takes an object with such a name for a number or for raw
/// text, and fails if it is none.
const SERDE_JSONS_OWN: &str = "$serde_json::private::";

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'{' | b'[') if self.mode == Mode::Lossy && self.depth >= MAX_DEPTH => {
                self.skip()?;
                visitor.visit_unit()
            }
            Some(b'{') => self.inside(b'{', b'}', |inside| visitor.visit_map(inside)),
            Some(b'[') => self.inside(b'[', b']', |inside| visitor.visit_seq(inside)),
            Some(b'"') => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_unit()),
            Some(b't') => self.word("true").and_then(|()| visitor.visit_bool(true)),
            Some(b'f') => self.word("false").and_then(|()| visitor.visit_bool(false)),
            _ => self.number(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'{') => self.deserialize_any(visitor),
            _ => Err(wrong("that is not a JSON object")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'n') => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    // There are no enums in our events.
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct struct enum identifier
    }
}

impl<'de> Reader<'de> {
    fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        self.take(b'"');
        let (raw, escaped) = self.raw_string()?;
        let Text { text, is_mended } = Text::new(raw, escaped);
        if is_mended && self.mode == Mode::Exact {
            return Err(wrong("a string is not Unicode"));
        }
        Ok(text)
    }

    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let (text, is_integer) = self.raw_number()?;
        // Minus zero is not an integer.
        if is_integer && text != "-0" {
            if let Ok(number) = text.parse() {
                return visitor.visit_u64(number);
            }
            if let Ok(number) = text.parse() {
                return visitor.visit_i64(number);
            }
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => visitor.visit_f64(number),
            _ if self.mode == Mode::Lossy => visitor.visit_unit(),
            _ => Err(wrong("a number is out of range")),
        }
    }

    fn inside<T>(
        &mut self,
        first: u8,
        last: u8,
        visit: impl FnOnce(&mut Inside<'_, 'de>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.take(first);
        self.depth += 1;
        let mut inside = Inside { reader: self, last, is_first: true, is_over: false };
        let value = visit(&mut inside)?;
        if !inside.is_over && inside.goes_on()? {
            return Err(wrong("an array or object has more in it than was expected"));
        }
        self.depth -= 1;
        Ok(value)
    }
}

/// What is between two brackets.
struct Inside<'r, 'de> {
    reader: &'r mut Reader<'de>,
    last: u8,
    is_first: bool,
    is_over: bool,
}

impl Inside<'_, '_> {
    /// Whether there is another item. Takes the comma before it, or the bracket after the last one.
    fn goes_on(&mut self) -> Result<bool, Error> {
        if self.is_over || self.reader.take(self.last) {
            // Not after a comma: then the next item was begun.
            self.is_over = true;
            return Ok(false);
        }
        if !std::mem::replace(&mut self.is_first, false) && !self.reader.take(b',') {
            return Err(wrong("an array or object does not go on and does not end"));
        }
        Ok(true)
    }
}

impl<'de> MapAccess<'de> for Inside<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        if !self.goes_on()? {
            return Ok(None);
        }
        let (raw, escaped) = self.reader.name()?;
        // No field that is looked for has a name that has to be mended.
        let mut name = Text::new(raw, escaped).text;
        if name.starts_with(SERDE_JSONS_OWN) && self.reader.mode == Mode::Lossy {
            name = Cow::Owned(format!("{}{name}", char::REPLACEMENT_CHARACTER));
        }
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(&mut *self.reader)
    }
}

impl<'de> SeqAccess<'de> for Inside<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if !self.goes_on()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}
