//! A table, of which fields are taken.

use std::fmt::Display;
use std::time::Duration;

use toml::de::DeTable;

use super::{Mistake, Place, Text, Value, in_table, is_alike, likeness, path, written};

/// Fields of the file itself that no table has.
const TOP: &[&str] = &["store", "shutdown-timeout", "addr"];

/// A table. Whoever reads it asks for its fields.
pub(in crate::config) struct Table<'f> {
    /// What leads to it, such as `endpoint`; nothing for the file itself.
    name: String,
    at: usize,
    fields: Vec<Field<'f>>,
    known: Vec<&'static str>,
}

struct Field<'f> {
    name: String,
    at: usize,
    value: Option<Value<'f>>,
}

impl<'f> Table<'f> {
    pub(super) fn new(name: String, at: usize, table: DeTable<'f>) -> Self {
        let path = |field: &str| path(&name, field);
        let mut fields: Vec<_> = table
            .into_iter()
            .map(|(field, value)| {
                let (at, field) = (field.span().start, field.into_inner().into_owned());
                let value = Value::new(path(&field), value);
                Field { name: field, at, value: Some(value) }
            })
            .collect();
        // As they are in the file.
        fields.sort_by_key(|field| field.at);
        Self { name, at, fields, known: Vec::new() }
    }

    /// Takes a field out.
    pub(in crate::config) fn take(&mut self, field: &'static str) -> Option<Value<'f>> {
        self.known.push(field);
        self.fields.iter_mut().find(|other| other.name == field)?.value.take()
    }

    pub(in crate::config) fn text(&mut self, field: &'static str) -> Result<Option<Text>, Mistake> {
        self.take(field).map(Value::into_text).transpose()
    }

    /// A text that must be there.
    pub(in crate::config) fn needed(
        &mut self,
        field: &'static str,
        example: &str,
    ) -> Result<Text, Mistake> {
        match self.text(field)? {
            Some(text) => Ok(text),
            None => Err(self.missing(field, example)),
        }
    }

    /// A field that must be there is not, or has another name.
    pub(in crate::config) fn missing(&self, field: &str, example: &str) -> Mistake {
        let left = self.fields.iter().filter(|other| other.value.is_some());
        match left.into_iter().find(|other| is_alike(&other.name, field)) {
            Some(mistyped) => self.unknown(mistyped),
            None => self.mistake(format!("`{field}` is missing: add {field} = {example}")),
        }
    }

    /// Whether a field is there and not taken.
    pub(in crate::config) fn has(&mut self, field: &'static str) -> bool {
        self.known.push(field);
        self.fields.iter().any(|other| other.name == field && other.value.is_some())
    }

    /// One text or a list of texts.
    pub(in crate::config) fn texts(&mut self, field: &'static str) -> Result<Vec<Text>, Mistake> {
        let items = self.take(field).map(Value::into_items).unwrap_or_default();
        items.into_iter().map(Value::into_text).collect()
    }

    pub(in crate::config) fn is_set(&mut self, field: &'static str) -> Result<bool, Mistake> {
        Ok(self.flag(field)?.unwrap_or(false))
    }

    pub(in crate::config) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, Mistake> {
        self.take(field).map(Value::into_flag).transpose()
    }

    pub(in crate::config) fn duration(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Duration>, Mistake> {
        self.take(field).map(Value::into_duration).transpose()
    }

    pub(in crate::config) fn number<N: TryFrom<i64>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<N>, Mistake> {
        self.take(field).map(Value::into_number).transpose()
    }

    pub(in crate::config) fn table(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Self>, Mistake> {
        self.take(field).map(Value::into_table).transpose()
    }

    /// The same, where an example says more than that it must be a table.
    pub(in crate::config) fn table_like(
        &mut self,
        field: &'static str,
        example: &str,
    ) -> Result<Option<Self>, Mistake> {
        self.take(field).map(|value| value.into_table_like(example)).transpose()
    }

    /// One table or several.
    pub(in crate::config) fn tables(&mut self, field: &'static str) -> Result<Vec<Self>, Mistake> {
        let items = self.take(field).map(Value::into_items).unwrap_or_default();
        items.into_iter().map(Value::into_table).collect()
    }

    /// All fields that are left, in the order of the file: for tables whose fields have names of the
    /// user's own.
    pub(in crate::config) fn into_entries(self) -> impl Iterator<Item = (Text, Value<'f>)> {
        self.fields.into_iter().filter_map(|field| {
            let value = field.value?;
            Some((value.named_by(field.name, field.at), value))
        })
    }

    /// Nothing that nobody asked for is left. What stays is where its fields are.
    pub(in crate::config) fn finish(self) -> Result<Place, Mistake> {
        if let Some(field) = self.fields.iter().find(|field| field.value.is_some()) {
            return Err(self.unknown(field));
        }
        let fields = self.fields.into_iter().map(|field| (field.name, field.at)).collect();
        Ok(Place::new(self.name, self.at, fields, self.known))
    }

    fn unknown(&self, field: &Field<'_>) -> Mistake {
        // A field after a table's head is the table's, whatever it was meant to be.
        if !self.name.is_empty() && TOP.contains(&&*field.name) {
            return Mistake::new(
                field.at,
                format!(
                    "there is no field `{}` in {}: it belongs before the first line with a \
                     table's name in brackets",
                    field.name,
                    self.name.trim_end_matches(':')
                ),
            );
        }
        let likeness = |known: &&str| likeness(&field.name, known);
        let near = self.known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
        let meant = match near.filter(|near| is_alike(&field.name, near)) {
            Some(near) => format!("is it `{near}`?"),
            None => format!("the fields are {}", self.known.join(", ")),
        };
        let place = match &*self.name {
            "" => "at the top of the file".to_owned(),
            table => format!("in {}", table.trim_end_matches(':')),
        };
        Mistake::new(
            field.at,
            format!("there is no field `{}` {place}: {meant}", written(&field.name)),
        )
    }

    /// A mistake of the whole table.
    pub(in crate::config) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, in_table(&self.name, says))
    }

    /// Names the table in what is said of it from now on: that of an endpoint has the endpoint's id.
    pub(in crate::config) fn call(&mut self, name: &str) {
        let name = format!("{name}:");
        for field in &mut self.fields {
            if let Some(value) = &mut field.value {
                value.rename(path(&name, &field.name));
            }
        }
        self.name = name;
    }
}
