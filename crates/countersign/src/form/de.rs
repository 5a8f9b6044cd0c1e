//! A form as a type of the user's.

use std::borrow::Cow;
use std::collections::{BTreeMap, btree_map};

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::Error;

/// Reads a form into a type. All its values are text: numbers and truth values are read from it where
/// the type asks for them. What is not UTF-8 is U+FFFD.
pub(crate) fn read_own<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    T::deserialize(Form(body))
}

struct Form<'a>(&'a [u8]);

impl<'a> Form<'a> {
    fn fields(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> + use<'a> {
        super::fields(self.0).map(|(name, value)| (text(name), text(value)))
    }
}

fn text(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Cow::Owned(text),
            Err(error) => Cow::Owned(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        },
    }
}

impl<'de> Deserializer<'de> for Form<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut fields: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (name, value) in self.fields() {
            fields.entry(name).or_default().push(value);
        }
        visitor.visit_map(Fields { fields: fields.into_iter(), field: None })
    }

    /// Pairs of a name and a value, in the order in which they were sent.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let pairs = self.fields().map(|(name, value)| (name, Values(vec![value])));
        visitor.visit_seq(MapDeserializer::new(pairs))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The fields by name.
struct Fields<'de> {
    fields: btree_map::IntoIter<Cow<'de, str>, Vec<Cow<'de, str>>>,
    field: Option<(Cow<'de, str>, Values<'de>)>,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, values)) = self.fields.next() else { return Ok(None) };
        self.field = Some((name.clone(), Values(values)));
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, values)) = self.field.take() else {
            return Err(Error::custom("a value was asked for before its name"));
        };
        let named = |error| Error::custom(format_args!("the form field `{name}`: {error}"));
        seed.deserialize(values).map_err(named)
    }
}

/// What a form has under one name: one value, as a rule.
struct Values<'de>(Vec<Cow<'de, str>>);

impl<'de> Values<'de> {
    fn only(self) -> Result<Cow<'de, str>, Error> {
        match <[_; 1]>::try_from(self.0) {
            Ok([value]) => Ok(value),
            Err(values) => Err(Error::custom(format_args!("it is there {} times", values.len()))),
        }
    }
}

impl<'de> IntoDeserializer<'de, Error> for Values<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $what:literal,)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.only()?.parse();
            visitor.$visit(number.map_err(|_| Error::custom(concat!("it is not ", $what)))?)
        }
    )+};
}

impl<'de> Deserializer<'de> for Values<'de> {
    type Error = Error;

    /// The text; a list where there are several.
    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.0.pop() {
            Some(Cow::Borrowed(value)) if self.0.is_empty() => visitor.visit_borrowed_str(value),
            Some(Cow::Owned(value)) if self.0.is_empty() => visitor.visit_string(value),
            last => {
                self.0.extend(last);
                self.deserialize_seq(visitor)
            }
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let values = self.0.into_iter().map(|value| Values(vec![value]));
        visitor.visit_seq(SeqDeserializer::new(values))
    }

    /// A form has no other way to say that there is nothing.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_slice() {
            [value] if value.is_empty() => visitor.visit_none(),
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

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = self.only()?;
        let variant = IntoDeserializer::<Error>::into_deserializer(variant);
        variant.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    parsed! {
        deserialize_bool visit_bool "`true` or `false`",
        deserialize_i8 visit_i8 "an `i8`",
        deserialize_i16 visit_i16 "an `i16`",
        deserialize_i32 visit_i32 "an `i32`",
        deserialize_i64 visit_i64 "an `i64`",
        deserialize_i128 visit_i128 "an `i128`",
        deserialize_u8 visit_u8 "a `u8`",
        deserialize_u16 visit_u16 "a `u16`",
        deserialize_u32 visit_u32 "a `u32`",
        deserialize_u64 visit_u64 "a `u64`",
        deserialize_u128 visit_u128 "a `u128`",
        deserialize_f32 visit_f32 "an `f32`",
        deserialize_f64 visit_f64 "an `f64`",
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
    }
}
