//! An event that is to be sent.

use std::time::SystemTime;

use bytes::Bytes;

use super::fresh::{Filler, new_id, new_uuid};
use super::json_text::{self, Spelling};
use super::samples::Sample;
use super::{SignError, fresh};
use crate::provider::{Provider, TimeSource};
use crate::window::TimeFormat;

/// An event as a provider would report it: the body, and the headers that are not signatures. Its
/// retries have the same id.
///
/// [`Sender::event`](super::Sender::event) makes one of a sample, [`json`](Self::json) and its siblings
/// of a body of yours.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub(super) name: String,
    content: Content,
    pub(super) headers: Vec<(String, String)>,
    pub(super) id: String,
    /// For the header that names a delivery without proving it.
    pub(super) delivery_id: String,
    retry: Vec<RetryChange>,
}

#[derive(Clone, Debug)]
enum Content {
    /// JSON without white space, how it is written, and the form's field that it is in.
    Json(String, Spelling, Option<String>),
    Form(Vec<(String, String)>),
    Bytes(Bytes),
}

/// What a retry says differently. The texts are templates, in which `{{attempt}}` is 1 for the first
/// retry.
#[derive(Clone, Debug)]
pub(super) enum RetryChange {
    Header(String, String),
    Field(String, String),
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

impl Outgoing {
    /// An event whose body is this JSON, byte for byte until a field is [`set`](Self::set).
    ///
    /// # Errors
    ///
    /// [`SignError`] if that is not JSON.
    pub fn json(body: impl Into<String>) -> Result<Self, SignError> {
        let body = body.into();
        json_text::compact(&body)?;
        Self::bytes(JSON, body)
    }

    /// An event whose body is a form (`application/x-www-form-urlencoded`).
    ///
    /// # Errors
    ///
    /// [`SignError`] where the system has no random numbers for the ids.
    pub fn form<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SignError> {
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::new("", Content::Form(fields.collect()), vec![("content-type".into(), FORM.into())])
    }

    /// An event whose body is anything.
    ///
    /// # Errors
    ///
    /// [`SignError`] where the system has no random numbers for the ids.
    pub fn bytes(content_type: &str, body: impl Into<Bytes>) -> Result<Self, SignError> {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self::new("", Content::Bytes(body.into()), headers)
    }

    pub(super) fn sample(sample: &Sample<'_>, now: SystemTime) -> Result<Self, SignError> {
        let mut filler = Filler::new(now, sample.name);
        let mut headers = Vec::new();
        for (name, value) in &sample.headers {
            headers.push(((*name).to_owned(), filler.fill(value)?));
        }
        let text = filler.fill(&sample.body)?;
        let (content, usual) = match sample.form {
            false => {
                let field = sample.field.map(str::to_owned);
                let usual = if field.is_some() { FORM } else { JSON };
                (Content::Json(json_text::compact(&text)?, sample.spelling, field), usual)
            }
            true => {
                let fields = text.lines().filter_map(|line| line.split_once('='));
                let owned = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
                (Content::Form(owned.collect()), FORM)
            }
        };
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".to_owned(), usual.to_owned()));
        }
        let mut event = Self::new(sample.name, content, headers)?;
        event.retry = sample.retry.clone();
        Ok(event)
    }

    fn new(
        name: &str,
        content: Content,
        headers: Vec<(String, String)>,
    ) -> Result<Self, SignError> {
        Ok(Self {
            name: name.to_owned(),
            content,
            headers,
            id: new_id("msg_")?,
            delivery_id: new_uuid()?,
            retry: Vec::new(),
        })
    }

    /// The event's type, for providers that say it in a header.
    #[must_use]
    pub fn named(mut self, event: &str) -> Self {
        event.clone_into(&mut self.name);
        self
    }

    /// The event's id, for providers that send it in a header. By default it is a new one.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// A further header, or another value of one.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same event with another body, byte for byte until a field is [`set`](Self::set).
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.content = Content::Bytes(body.into());
        self
    }

    /// Sets a field of the body. In JSON, `path` is names between dots, and numbers for the items of
    /// arrays (`data.items.0.price`); the value is JSON where it reads as JSON (`5`, `null`, `"5"`), and a
    /// text otherwise. In a form, `path` is the name of a field. A field that is not there is added.
    ///
    /// ```
    /// use countersign::signing::Outgoing;
    ///
    /// let event = Outgoing::json(r#"{"type":"order.paid","data":{"total":100}}"#)?;
    /// let event = event.set("data.total", "250")?.set("data.note", "thank you")?;
    /// let expected = r#"{"type":"order.paid","data":{"total":250,"note":"thank you"}}"#;
    /// assert_eq!(event.body(), expected);
    /// # Ok::<(), countersign::signing::SignError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SignError`] if the path leads nowhere, or the body is neither JSON nor a form.
    pub fn set(mut self, path: &str, value: &str) -> Result<Self, SignError> {
        self.put(path, value)?;
        Ok(self)
    }

    fn put(&mut self, path: &str, value: &str) -> Result<(), SignError> {
        if let Content::Bytes(bytes) = &self.content {
            self.content = self.read(bytes)?;
        }
        match &mut self.content {
            Content::Json(text, ..) => *text = json_text::set(text, path, value)?,
            Content::Form(fields) => match fields.iter_mut().find(|(name, _)| name == path) {
                Some((_, old)) => value.clone_into(old),
                None => fields.push((path.to_owned(), value.to_owned())),
            },
            Content::Bytes(_) => {}
        }
        Ok(())
    }

    /// What can be changed in a body.
    fn read(&self, bytes: &Bytes) -> Result<Content, SignError> {
        let mut headers = self.headers.iter();
        let content_type = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        if content_type.is_some_and(|(_, value)| value.starts_with(FORM)) {
            return Ok(Content::Form(form_urlencoded::parse(bytes).into_owned().collect()));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|_| SignError::new("the body is neither JSON nor a form"))?;
        Ok(Content::Json(json_text::compact(text)?, Spelling::default(), None))
    }

    /// The body's bytes.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let form = |fields: &[(String, String)]| {
            form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
        };
        match &self.content {
            Content::Json(text, spelling, None) => json_text::spell(text, *spelling).into(),
            Content::Json(text, spelling, Some(field)) => {
                form(&[(field.clone(), json_text::spell(text, *spelling))]).into()
            }
            Content::Form(fields) => form(fields).into(),
            Content::Bytes(bytes) => bytes.clone(),
        }
    }

    /// The same as the retry of this number.
    pub(super) fn retry(mut self, attempt: usize, now: SystemTime) -> Result<Self, SignError> {
        let mut filler = Filler::new(now, &self.name);
        filler.know("attempt", &attempt.to_string());
        for change in std::mem::take(&mut self.retry) {
            match change {
                RetryChange::Header(name, value) => {
                    self = self.header(&name, &filler.fill(&value)?);
                }
                RetryChange::Field(path, value) => self.put(&path, &filler.fill(&value)?)?,
            }
        }
        Ok(self)
    }

    /// The same with another time, where the provider's time is in the body.
    pub(super) fn at(mut self, time: SystemTime, provider: &Provider) -> Result<Self, SignError> {
        let spec = provider.spec();
        let Some(TimeSource::Body { slots, format, .. }) = &spec.time else { return Ok(self) };
        let paths: Vec<_> = slots.iter().map(|slot| spec.paths.path(*slot)).collect();
        let found = paths.iter().find_map(|path| Some((path, self.get(path)?)));
        let (path, old) = found.ok_or_else(|| {
            SignError::new(format!(
                "the body has no time: {} has it in `{}`",
                provider.name(),
                paths.join("` or `")
            ))
        })?;
        let text = written_like(&old, time, *format)
            .ok_or_else(|| SignError::new(format!("the time in `{path}` is of an unknown form")))?;
        self.put(path, &text)?;
        Ok(self)
    }

    /// The JSON text of a field, or a form's value.
    fn get(&self, path: &str) -> Option<String> {
        let read;
        let content = match &self.content {
            Content::Bytes(bytes) => {
                read = self.read(bytes).ok()?;
                &read
            }
            content => content,
        };
        match content {
            Content::Json(text, ..) => json_text::get(text, path).map(str::to_owned),
            Content::Form(fields) => {
                fields.iter().find(|(name, _)| name == path).map(|(_, value)| value.clone())
            }
            Content::Bytes(_) => None,
        }
    }
}

/// A time, written as this one is.
fn written_like(old: &str, time: SystemTime, format: TimeFormat) -> Option<String> {
    let quoted = old.starts_with('"');
    let old = old.trim_matches('"');
    let format = match old.parse() {
        Ok(number) => match format.read_number(number)?.0 == number {
            true => TimeFormat::UnixMillis,
            false => TimeFormat::UnixSeconds,
        },
        Err(_) if old.ends_with('Z') || old.contains('+') => TimeFormat::Rfc3339,
        Err(_) => TimeFormat::Rfc3339WithoutZone,
    };
    let text = fresh::write_time(time, format)?;
    Some(if quoted { format!("\"{text}\"") } else { text })
}
