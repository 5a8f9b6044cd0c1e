//! A file of samples.
//!
//! It begins with what all its samples share. A line `== NAME …` begins a sample, and several names share
//! one. Its body follows, as JSON that is written for people, or after `@form` as the fields of a form, one
//! `NAME=VALUE` a line. The texts are templates, see `Filler`. Lines that begin with `@`:
//!
//! ```text
//! @header NAME: VALUE         a header
//! @spelling WORD …            how the JSON is written, see `Spelling`
//! @field NAME                 the JSON is in this field of a form
//! @retry-header NAME: VALUE   a header that a retry has, with {{attempt}}
//! @retry-field PATH=VALUE     a field that is different in a retry
//! @form                       the body is a form
//! ```

use super::super::SignError;
use super::super::json_text::Spelling;
use super::super::outgoing::RetryChange;
use super::file;

/// A sample as its file has it.
pub(in crate::signing) struct Sample<'f> {
    pub(in crate::signing) name: &'f str,
    pub(in crate::signing) headers: Vec<(&'f str, &'f str)>,
    pub(in crate::signing) spelling: Spelling,
    pub(in crate::signing) field: Option<&'f str>,
    pub(in crate::signing) form: bool,
    pub(in crate::signing) retry: Vec<RetryChange>,
    pub(in crate::signing) body: String,
}

impl Sample<'static> {
    /// The provider's sample of this name.
    pub(in crate::signing) fn find(provider: &str, name: &str) -> Result<Self, SignError> {
        let text = file(provider)
            .ok_or_else(|| SignError::new(format!("there are no sample events of {provider}")))?;
        let mut sections = sections(text);
        let shared = sections.next().unwrap_or_default();
        let mut found = None;
        for section in sections {
            let (heading, rest) = section.split_once('\n').unwrap_or((section, ""));
            if let Some(name) = heading.split_whitespace().find(|other| *other == name) {
                found = Some((name, rest));
            }
        }
        let (name, rest) = found.ok_or_else(|| {
            let names = names(text).join(", ");
            SignError::new(format!(
                "there is no sample event `{name}` of {provider}; it has {names}"
            ))
        })?;
        let mut sample = Sample {
            name,
            headers: Vec::new(),
            spelling: Spelling::default(),
            field: None,
            form: false,
            retry: Vec::new(),
            body: String::new(),
        };
        for line in shared.lines().chain(rest.lines()) {
            sample.take(line).ok_or_else(|| {
                SignError::new(format!("a line of {provider}'s samples is malformed: {line}"))
            })?;
        }
        Ok(sample)
    }
}

impl<'f> Sample<'f> {
    fn take(&mut self, line: &'f str) -> Option<()> {
        let Some(setting) = line.strip_prefix('@') else {
            self.body.push_str(line);
            self.body.push('\n');
            return Some(());
        };
        let (what, value) = setting.split_once(' ').unwrap_or((setting, ""));
        match what {
            "header" => {
                let (name, value) = value.split_once(": ")?;
                self.headers.retain(|(other, _)| *other != name);
                self.headers.push((name, value));
            }
            "retry-header" => {
                let (name, value) = value.split_once(": ")?;
                self.retry.push(RetryChange::Header(name.to_owned(), value.to_owned()));
            }
            "retry-field" => {
                let (path, value) = value.split_once('=')?;
                self.retry.push(RetryChange::Field(path.to_owned(), value.to_owned()));
            }
            "spelling" => {
                for word in value.split(' ') {
                    *match word {
                        "indented" => &mut self.spelling.indented,
                        "escaped-slashes" => &mut self.spelling.escaped_slashes,
                        "ascii" => &mut self.spelling.ascii,
                        "lines" => &mut self.spelling.lines,
                        _ => return None,
                    } = true;
                }
            }
            "field" => self.field = Some(value),
            "form" => self.form = true,
            _ => return None,
        }
        Some(())
    }
}

/// What all samples share, and then each sample with its heading.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let (shared, samples) = match text.strip_prefix("== ") {
        Some(samples) => ("", samples),
        None => text.split_once("\n== ").unwrap_or((text, "")),
    };
    let samples = samples.split("\n== ").filter(|sample| !sample.is_empty());
    std::iter::once(shared).chain(samples)
}

pub(super) fn names(text: &'static str) -> Vec<&'static str> {
    let headings = sections(text).skip(1).filter_map(|section| section.lines().next());
    headings.flat_map(str::split_whitespace).collect()
}
