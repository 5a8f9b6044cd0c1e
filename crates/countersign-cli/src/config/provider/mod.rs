//! `[[provider]]`: a provider of one's own. Its fields are the calls of
//! [`ProviderBuilder`], which checks them.

mod handshake;
mod proof;
mod signed_content;
mod time;

use std::time::Duration;

use countersign::{Provider, ProviderBuilder, Retries, Window};

use super::document::{Mistake, Table, Value};
use handshake::handshake;

type TextSetter = fn(ProviderBuilder, &str) -> ProviderBuilder;
type Switch = fn(ProviderBuilder) -> ProviderBuilder;

/// Fields that are a text, such as a header's name or a path in the body.
const TEXTS: &[(&str, TextSetter)] = &[
    ("standard-webhooks", ProviderBuilder::standard_webhooks),
    ("event-type", ProviderBuilder::event_type),
    ("optional-event-type", ProviderBuilder::optional_event_type),
    ("event-id", ProviderBuilder::event_id),
    ("event-id-header", ProviderBuilder::event_id_header),
    ("unverified-event-type", ProviderBuilder::unverified_event_type),
    ("unverified-id", ProviderBuilder::unverified_id),
    ("unverified-channel", ProviderBuilder::unverified_channel),
    ("unverified-attempt", ProviderBuilder::unverified_attempt),
    ("form-field", ProviderBuilder::form_field),
    ("require-unsigned-timestamp-header", ProviderBuilder::require_unsigned_timestamp_header),
];

/// Fields that are true or not there.
const SWITCHES: &[(&str, Switch)] = &[
    ("key-by-body", ProviderBuilder::key_by_body),
    ("forget-when-handled", ProviderBuilder::forget_when_handled),
    ("json-array", ProviderBuilder::json_array),
    ("form", ProviderBuilder::form),
    ("not-only-json", ProviderBuilder::not_only_json),
    ("final-on-4xx", ProviderBuilder::final_on_4xx),
];

/// Reads a provider. Its id is read already.
pub(super) fn provider(id: &str, mut table: Table<'_>) -> Result<Provider, Mistake> {
    let mut builder = Provider::builder(id);
    builder = proof::proofs(&mut table, builder)?;
    for (field, set) in TEXTS {
        if let Some(text) = table.text(field)? {
            builder = set(builder, &text.text);
        }
    }
    for (field, set) in SWITCHES {
        if table.is_set(field)? {
            builder = set(builder);
        }
    }
    if let Some(content) = table.text("signed-content")? {
        builder = builder.signed_content(signed_content::parts(&content)?);
    }
    if let Some(time) = table.table("timestamp")? {
        builder = builder.timestamp(time::timestamp(time)?);
    }
    if let Some(time) = table.table("unsigned-timestamp")? {
        builder = builder.unsigned_timestamp(time::timestamp(time)?);
    }
    let key = table.texts("key-fields")?;
    if !key.is_empty() {
        builder = builder.key_fields(key.iter().map(|path| &*path.text));
    }
    let key = table.texts("optional-key-fields")?;
    if !key.is_empty() {
        builder = builder.optional_key_fields(key.iter().map(|path| &*path.text));
    }
    for (usual, others) in
        table.table("or-header-prefix")?.into_iter().flat_map(Table::into_entries)
    {
        for other in others.into_items() {
            builder = builder.or_header_prefix(&usual.text, &other.into_text()?.text);
        }
    }
    if let Some(window) = table.table("window")? {
        builder = builder.window(self::window(window)?);
    }
    if let Some(given) = table.take("retries") {
        builder = builder.retries(retries(given)?);
    }
    if let Some(deadline) = table.duration("answer-within")? {
        builder = builder.answer_within(deadline);
    }
    for given in table.tables("handshake")? {
        builder = builder.handshake(handshake(given)?);
    }
    let place = table.finish()?;
    builder.build().map_err(|error| place.builders(&error))
}

/// `{ past = "5m", future = "5m" }`.
pub(super) fn window(mut table: Table<'_>) -> Result<Window, Mistake> {
    let past = table.duration("past")?;
    let future = table.duration("future")?;
    let (Some(past), Some(future)) = (past, future) else {
        return Err(table.mistake(r#"write both, as in { past = "5m", future = "5m" }"#));
    };
    table.finish()?;
    Ok(Window::new(past, future))
}

/// The waits in a list, or when the last retry comes, or a word.
fn retries(given: Value<'_>) -> Result<Retries, Mistake> {
    if given.is_text() {
        return given
            .into_text()?
            .one_of(&[("never", false), ("unknown", true)])
            .map(|unknown| if unknown { Retries::unknown() } else { Retries::never() });
    }
    if given.is_table() {
        let mut table = given.into_table()?;
        let within = table.duration("within")?;
        let within = within.ok_or_else(|| table.mistake(r#"write { within = "3d" }"#))?;
        table.finish()?;
        return Ok(Retries::within(within));
    }
    let waits = given.into_items().into_iter().map(Value::into_duration);
    Ok(Retries::after(waits.collect::<Result<Vec<Duration>, _>>()?))
}
