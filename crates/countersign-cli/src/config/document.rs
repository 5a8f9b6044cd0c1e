//! A TOML file, read field by field. Whoever reads a table asks for its fields; what nobody asked for
//! is a mistake. Every mistake has a line, and none repeats a value, which may be a secret.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use countersign::ConfigError;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words;

/// Fields of the file itself that no table has.
const TOP: &[&str] = &["store", "shutdown-timeout", "addr"];

/// What is wrong, how to fix it, and where in the file.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The byte at which it is.
    at: usize,
    says: String,
}

impl Mistake {
    fn new(at: usize, says: impl Into<String>) -> Self {
        Self { at, says: says.into() }
    }
}

/// Where the lines of a file begin.
#[derive(Debug)]
pub(super) struct Lines {
    file: String,
    starts: Vec<usize>,
}

impl Lines {
    pub(super) fn of(file: &Path, text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = breaks.map(|(at, _)| at + 1).collect();
        Self { file: file.display().to_string(), starts }
    }

    /// A mistake in one sentence, with its line.
    pub(super) fn say(&self, mistake: &Mistake) -> String {
        let line = self.starts.partition_point(|start| *start <= mistake.at) + 1;
        format!("{}:{line}: {}", self.file, mistake.says)
    }
}

/// The whole file.
pub(super) fn parse(text: &str) -> Result<Table<'_>, Mistake> {
    match DeTable::parse(text) {
        // Its `Display` would repeat the line.
        Err(error) => Err(Mistake::new(
            error.span().map_or(0, |span| span.start),
            format!("this is not TOML: {}", error.message()),
        )),
        Ok(table) => Ok(Table::new(String::new(), 0, table.into_inner())),
    }
}

/// A table, of which fields are taken.
#[derive(Debug)]
pub(super) struct Table<'f> {
    /// What leads to it, such as `endpoint`; nothing for the file itself.
    name: String,
    at: usize,
    fields: Vec<Field<'f>>,
    known: Vec<&'static str>,
}

#[derive(Debug)]
struct Field<'f> {
    name: String,
    at: usize,
    value: Option<Value<'f>>,
}

/// A value with its place, and with what leads to it.
#[derive(Debug)]
pub(super) struct Value<'f> {
    name: String,
    at: usize,
    value: DeValue<'f>,
}

/// A text with its place.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) text: String,
    name: String,
    at: usize,
}

impl<'f> Table<'f> {
    fn new(name: String, at: usize, table: DeTable<'f>) -> Self {
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
    pub(super) fn take(&mut self, field: &'static str) -> Option<Value<'f>> {
        self.known.push(field);
        self.fields.iter_mut().find(|other| other.name == field)?.value.take()
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<Text>, Mistake> {
        self.take(field).map(Value::into_text).transpose()
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, field: &'static str, example: &str) -> Result<Text, Mistake> {
        match self.text(field)? {
            Some(text) => Ok(text),
            None => Err(self.missing(field, example)),
        }
    }

    /// A field that must be there is not, or has another name.
    pub(super) fn missing(&self, field: &str, example: &str) -> Mistake {
        let left = self.fields.iter().filter(|other| other.value.is_some());
        match left.into_iter().find(|other| is_alike(&other.name, field)) {
            Some(mistyped) => self.unknown(mistyped),
            None => self.mistake(format!("`{field}` is missing: add {field} = {example}")),
        }
    }

    /// Whether a field is there and not taken.
    pub(super) fn has(&mut self, field: &'static str) -> bool {
        self.known.push(field);
        self.fields.iter().any(|other| other.name == field && other.value.is_some())
    }

    /// One text or a list of texts.
    pub(super) fn texts(&mut self, field: &'static str) -> Result<Vec<Text>, Mistake> {
        let items = self.take(field).map(Value::into_items).unwrap_or_default();
        items.into_iter().map(Value::into_text).collect()
    }

    pub(super) fn is_set(&mut self, field: &'static str) -> Result<bool, Mistake> {
        Ok(self.flag(field)?.unwrap_or(false))
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, Mistake> {
        self.take(field).map(Value::into_flag).transpose()
    }

    pub(super) fn duration(&mut self, field: &'static str) -> Result<Option<Duration>, Mistake> {
        self.take(field).map(Value::into_duration).transpose()
    }

    pub(super) fn number<N: TryFrom<i64>>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<N>, Mistake> {
        self.take(field).map(Value::into_number).transpose()
    }

    pub(super) fn table(&mut self, field: &'static str) -> Result<Option<Self>, Mistake> {
        self.take(field).map(Value::into_table).transpose()
    }

    /// One table or several.
    pub(super) fn tables(&mut self, field: &'static str) -> Result<Vec<Self>, Mistake> {
        let items = self.take(field).map(Value::into_items).unwrap_or_default();
        items.into_iter().map(Value::into_table).collect()
    }

    /// All fields that are left, in the order of the file: for tables whose fields have names of the
    /// user's own.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (Text, Value<'f>)> {
        self.fields.into_iter().filter_map(|field| {
            let value = field.value?;
            let name = value.name.clone();
            Some((Text { text: field.name, name, at: field.at }, value))
        })
    }

    /// Nothing that nobody asked for is left. What stays is where its fields are.
    pub(super) fn finish(self) -> Result<Place, Mistake> {
        if let Some(field) = self.fields.iter().find(|field| field.value.is_some()) {
            return Err(self.unknown(field));
        }
        let fields = self.fields.into_iter().map(|field| (field.name, field.at)).collect();
        Ok(Place { name: self.name, at: self.at, fields, known: self.known })
    }

    fn unknown(&self, field: &Field<'_>) -> Mistake {
        // A field after a table's head is the table's, whatever it was meant to be.
        if !self.name.is_empty() && TOP.contains(&&*field.name) {
            let name = &field.name;
            return Mistake::new(
                field.at,
                format!(
                    "there is no field `{name}` in {}: it belongs before the first line with a \
                     table's name in brackets",
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
        Mistake::new(field.at, format!("there is no field `{}` {place}: {meant}", field.name))
    }

    /// A mistake of the whole table.
    pub(super) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, in_table(&self.name, says))
    }

    /// Names the table in what is said of it from now on: that of an endpoint has the endpoint's id.
    pub(super) fn call(&mut self, name: &str) {
        let name = format!("{name}:");
        for field in &mut self.fields {
            if let Some(value) = &mut field.value {
                value.name = path(&name, &field.name);
            }
        }
        self.name = name;
    }
}

fn likeness(given: &str, field: &str) -> f64 {
    strsim::jaro_winkler(field, &given.replace('_', "-"))
}

/// Whether a name was perhaps meant to be this field's.
fn is_alike(given: &str, field: &str) -> bool {
    likeness(given, field) > 0.8
}

/// What leads to a field: `provider acme: hmac-sha256.header`.
fn path(table: &str, field: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let quoted = field.is_empty() || !field.bytes().all(is_bare);
    let field = if quoted { &*format!("{field:?}") } else { field };
    match table {
        "" => field.to_owned(),
        called if called.ends_with(':') => format!("{called} {field}"),
        table => format!("{table}.{field}"),
    }
}

fn in_table(name: &str, says: impl Display) -> String {
    match name {
        "" => says.to_string(),
        called if called.ends_with(':') => format!("{called} {says}"),
        table => format!("{table}: {says}"),
    }
}

/// Where a table and its fields are.
#[derive(Debug)]
pub(super) struct Place {
    name: String,
    at: usize,
    fields: Vec<(String, usize)>,
    known: Vec<&'static str>,
}

impl Place {
    /// A mistake that a builder found, in the words of the file, and at the field that it names first
    /// if that is there.
    pub(super) fn builders(&self, error: &ConfigError) -> Mistake {
        let says = words::of_file(&error.to_string(), &self.known);
        // The table's name is said already.
        let says = match says.split_once("`: ") {
            Some((endpoint, says)) if endpoint.starts_with("endpoint `") => says,
            _ => &says,
        };
        let named = match error {
            ConfigError::UnusableSecret { .. } | ConfigError::AmbiguousSecret { .. } => "secrets",
            _ => says.split('`').nth(1).unwrap_or_default(),
        };
        let find = |name: &str| self.fields.iter().find(|(field, _)| field == name);
        let at = find(named).or_else(|| find(&format!("optional-{named}")));
        Mistake::new(at.map_or(self.at, |(_, at)| *at), in_table(&self.name, says))
    }

    pub(super) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, in_table(&self.name, says))
    }
}

impl<'f> Value<'f> {
    fn new(name: String, value: Spanned<DeValue<'f>>) -> Self {
        Self { name, at: value.span().start, value: value.into_inner() }
    }

    pub(super) fn mistake(&self, says: impl Display) -> Mistake {
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

    pub(super) fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    pub(super) fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    pub(super) fn into_text(self) -> Result<Text, Mistake> {
        match self.value {
            DeValue::String(text) => {
                Ok(Text { text: text.into_owned(), name: self.name, at: self.at })
            }
            _ => Err(self.is_not("a text in quotes")),
        }
    }

    pub(super) fn into_flag(self) -> Result<bool, Mistake> {
        match self.value {
            DeValue::Boolean(flag) => Ok(flag),
            _ => Err(self.is_not("true or false, without quotes")),
        }
    }

    pub(super) fn into_number<N: TryFrom<i64>>(self) -> Result<N, Mistake> {
        let DeValue::Integer(number) = &self.value else {
            return Err(self.is_not("a whole number, without quotes"));
        };
        let number = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| self.mistake("the number is too small or too large"))
    }

    pub(super) fn into_duration(self) -> Result<Duration, Mistake> {
        const WHAT: &str = r#"a duration in quotes, such as "30s", "5m" or "1h 30m""#;
        let DeValue::String(text) = &self.value else { return Err(self.is_not(WHAT)) };
        humantime::parse_duration(text).map_err(|_| self.mistake(format!("it must be {WHAT}")))
    }

    pub(super) fn into_table(self) -> Result<Table<'f>, Mistake> {
        match self.value {
            DeValue::Table(table) => Ok(Table::new(self.name, self.at, table)),
            _ => Err(self.is_not("a table, `{ … }`")),
        }
    }

    /// The items of a list; what is no list is the only one.
    pub(super) fn into_items(self) -> Vec<Self> {
        match self.value {
            DeValue::Array(items) => {
                items.into_iter().map(|item| Self::new(self.name.clone(), item)).collect()
            }
            _ => vec![self],
        }
    }
}

impl Text {
    pub(super) fn mistake(&self, says: impl Display) -> Mistake {
        Mistake::new(self.at, format!("{}: {says}", self.name))
    }

    /// A mistake that is named by this already.
    pub(super) fn named<T>(
        &self,
        result: impl FnOnce(&str, &str) -> Result<T, String>,
    ) -> Result<T, Mistake> {
        result(&self.name, &self.text).map_err(|says| Mistake::new(self.at, says))
    }

    /// What this text stands for, of these.
    pub(super) fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Mistake> {
        let found = words.iter().find(|(word, _)| *word == self.text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.mistake(format!("it must be one of {}", words.join(", ")))
        })
    }
}
