//! JSON that keeps every field of an object, also one that is there twice.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// A JSON value as serde_json reads it, fields in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Text(String),
    Integer(i128),
    Bool(bool),
    /// A fraction, an array, an object.
    Other,
}

impl Json {
    /// What the path leads to; nothing if it leads nowhere or to `null`.
    pub fn at(&self, path: &str) -> Option<Found> {
        let mut json = self;
        for step in path.split('.') {
            let Self::Object(fields) = json else { return None };
            json = &fields.iter().find(|(name, _)| name == step)?.1;
        }
        match json {
            Self::Null => None,
            Self::Bool(value) => Some(Found::Bool(*value)),
            Self::Text(text) => Some(Found::Text(text.clone())),
            Self::Number(number) => {
                let signed = number.as_i64().map(i128::from);
                let integer = signed.or(number.as_u64().map(i128::from));
                Some(integer.map_or(Found::Other, Found::Integer))
            }
            Self::Array(_) | Self::Object(_) => Some(Found::Other),
        }
    }

    /// Whether a field is there twice that one of the paths names or passes through.
    pub fn is_ambiguous(&self, paths: &[&str]) -> bool {
        let Self::Object(fields) = self else { return false };
        paths.iter().any(|path| {
            let (step, rest) = path.split_once('.').unwrap_or((path, ""));
            let mut named = fields.iter().filter(|(name, _)| name == step);
            match (named.next(), named.next()) {
                (_, Some(_)) => true,
                (Some((_, value)), None) => !rest.is_empty() && value.is_ambiguous(&[rest]),
                (None, None) => false,
            }
        })
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Whole)
    }
}

struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}
