//! A value, and what it is taken for.

use std::fmt::Display;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::{Mistake, Table};

/// A value with its place, and with what leads to it.
pub(in crate::config) struct Value<'f> {
    name: String,
    at: usize,
    value: DeValue<'f>,
}

/// A text with its place.
#[derive(Clone, Debug)]
pub(in crate::config) struct Text {
    pub(in crate::config) text: String,
    name: String,
    at: usize,
}

impl<'f> Value<'f> {
    pub(super) fn new(name: String, value: Spanned<DeValue<'f>>) -> Self {
        Self { name, at: value.span().start, value: value.into_inner() }
    }

    /// Another name leads to it.
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// The name of its field, as a text.
    pub(super) fn named_by(&self, field: String, at: usize) -> Text {
        Text { text: field, name: self.name.clone(), at }
    }

    pub(in crate::config) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, format!("{}: {says}", self.name))
    }

    fn is_not(&self, what: &str) -> Mistake {
        let is = match &self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.mistake(format!("it must be {what}, and this is {is}"))
    }

    pub(in crate::config) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    pub(in crate::config) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(in crate::config) fn into_text(self) -> Result<Text, Mistake> {
        match self.value {
            DeValue::String(text) => {
                Ok(Text { text: text.into_owned(), name: self.name, at: self.at })
            }
            _ => Err(self.is_not("a text in quotes")),
        }
    }

    pub(in crate::config) fn into_flag(self) -> Result<bool, Mistake> {
        match self.value {
            DeValue::Boolean(flag) => Ok(flag),
            _ => Err(self.is_not("true or false, without quotes")),
        }
    }

    pub(in crate::config) fn into_number<N: TryFrom<i64>>(self) -> Result<N, Mistake> {
        let DeValue::Integer(number) = &self.value else {
            return Err(self.is_not("a whole number, without quotes"));
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.mistake("the number is too small or too large"))
    }

    pub(in crate::config) fn into_duration(self) -> Result<Duration, Mistake> {
        const WHAT: &str = r#"a duration in quotes, such as "30s", "5m" or "1h 30m""#;
        let DeValue::String(text) = &self.value else { return Err(self.is_not(WHAT)) };
        humantime::parse_duration(text).map_err(|_| self.mistake(format!("it must be {WHAT}")))
    }

    pub(in crate::config) fn into_table(self) -> Result<Table<'f>, Mistake> {
        self.into_table_like("{ … }")
    }

    pub(in crate::config) fn into_table_like(self, example: &str) -> Result<Table<'f>, Mistake> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.name, self.at, table)),
            _ => Err(self.is_not(&format!("a table, `{example}`"))),
        }
    }

    /// The items of a list; what is no list is the only one.
    pub(in crate::config) fn into_items(self) -> Vec<Self> {
        match self.value {
            DeValue::Array(items) => {
                items.into_iter().map(|item| Self::new(self.name.clone(), item)).collect()
            }
            _ => vec![self],
        }
    }
}

impl Text {
    pub(in crate::config) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, format!("{}: {says}", self.name))
    }

    /// A mistake that is named by this already.
    pub(in crate::config) fn named<T>(
        &self,
        result: impl FnOnce(&str, &str) -> Result<T, String>,
    ) -> Result<T, Mistake> {
        result(&self.name, &self.text).map_err(|says| Mistake::new(self.at, says))
    }

    /// What this text stands for, of these.
    pub(in crate::config) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Mistake> {
        let found = words.iter().find(|(word, _)| *word == self.text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.mistake(format!("it must be one of {}", words.join(", ")))
        })
    }
}
