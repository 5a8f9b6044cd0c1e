//! Where the time is: `{ header = "X-Acme-Timestamp", format = "unix-seconds" }`.

use countersign::{TimeFormat, Timestamp};

use super::proof::character;
use crate::config::document::{Mistake, Table};

const PLACES: &str = r#"write { header = "X-Acme-Timestamp" }, { header = "X-Acme-Signature", separator = ",", item = "t=" }, or { body = "timestamp" }"#;

const FORMATS: &[(&str, TimeFormat)] = &[
    ("detect", TimeFormat::Detect),
    ("unix-seconds", TimeFormat::UnixSeconds),
    ("unix-millis", TimeFormat::UnixMillis),
    ("rfc3339", TimeFormat::Rfc3339),
    ("rfc3339-without-zone", TimeFormat::Rfc3339WithoutZone),
];

pub(super) fn timestamp(mut table: Table<'_>) -> Result<Timestamp, Mistake> {
    let header = table.text("header")?;
    let body = table.texts("body")?;
    let separator = table.text("separator")?;
    let separator = separator.as_ref().map(character).transpose()?;
    let group = table.text("group-separator")?;
    let item = table.text("item")?;
    let first = table.is_set("first-item")?;
    let mut time = match (header, &*body, separator, item, first) {
        (Some(header), [], None, None, false) => Timestamp::header(&header.text),
        (Some(header), [], Some(separator), Some(item), false) => {
            Timestamp::header_item(&header.text, separator, &item.text)
        }
        (Some(header), [], Some(separator), None, true) => {
            Timestamp::first_item(&header.text, separator)
        }
        (None, [path, others @ ..], None, None, false) => {
            others.iter().fold(Timestamp::body(&path.text), |time, other| time.or_body(&other.text))
        }
        _ => return Err(table.mistake(PLACES)),
    };
    if let Some(group) = group {
        if separator.is_none() {
            return Err(group.mistake("groups have items: write `separator` too"));
        }
        time = time.group_separator(character(&group)?);
    }
    if let Some(format) = table.text("format")? {
        time = time.format(format.one_of(FORMATS)?);
    }
    if let Some(per) = table.text("per")? {
        let per = per.one_of::<fn(Timestamp) -> Timestamp>(&[
            ("delivery", Timestamp::per_delivery),
            ("event", Timestamp::per_event),
        ])?;
        time = per(time);
    }
    table.finish()?;
    Ok(time)
}
