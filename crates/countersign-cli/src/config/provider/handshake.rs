//! Handshakes: `{ when-field = "type", is = "url_verification", echo-field = "challenge" }`.

use countersign::{FieldValue, Handshake, When};

use crate::config::document::{Mistake, Table};

/// A handshake, by what knows it and by what answers it.
pub(super) fn handshake(mut table: Table<'_>) -> Result<Handshake, Mistake> {
    let mut found = Vec::new();
    if let Some(when) = when(&mut table)? {
        found.push(answer(&mut table, when)?);
    }
    if let Some(parameter) = table.text("echo-query")? {
        found.push(Handshake::echo_query(&parameter.text));
    }
    if let Some(mut query) = table.table("echo-query-for-token")? {
        let mode = query.needed("mode", r#""hub.mode""#)?.text;
        let value = query.needed("is", r#""subscribe""#)?.text;
        let token = query.needed("token", r#""hub.verify_token""#)?.text;
        let challenge = query.needed("challenge", r#""hub.challenge""#)?.text;
        query.finish()?;
        found.push(Handshake::echo_query_for_token((&mode, &value), &token, &challenge));
    }
    if let Some(mut echo) = table.table("echo-header-as-json")? {
        let header = echo.needed("header", r#""X-Acme-Challenge""#)?.text;
        let field = echo.needed("field", r#""challenge""#)?.text;
        echo.finish()?;
        found.push(Handshake::echo_header_as_json(&header, &field));
    }
    if table.is_set("allow-origin")? {
        found.push(Handshake::allow_origin());
    }
    if table.is_set("return-hook-secret")? {
        found.push(Handshake::return_hook_secret());
    }
    let mistake = table.mistake(
        r#"a handshake has one kind, as in { when-field = "type", is = "ping", echo-field = "challenge" } or { echo-query = "challenge" }; several are a list"#,
    );
    table.finish()?;
    match (found.pop(), found.is_empty()) {
        (Some(handshake), true) => Ok(handshake),
        _ => Err(mistake),
    }
}

/// What a signed handshake is known by.
fn when(table: &mut Table<'_>) -> Result<Option<When>, Mistake> {
    let field = table.text("when-field")?;
    let header = table.text("when-header")?;
    let is = table.take("is");
    const ANSWERS: [&str; 6] = [
        "without-field",
        "echo-field",
        "echo-header",
        "echo-field-with-mac",
        "answer-json",
        "answer-nothing",
    ];
    let when = match (field, header, is) {
        (None, None, None) if !ANSWERS.iter().any(|field| table.has(field)) => return Ok(None),
        (Some(field), None, Some(is)) if is.is_text() => {
            Handshake::when_field(&field.text, &*is.into_text()?.text)
        }
        (Some(field), None, Some(is)) => {
            Handshake::when_field(&field.text, FieldValue::Integer(is.into_number()?))
        }
        (None, Some(header), Some(is)) => {
            Handshake::when_header(&header.text, &is.into_text()?.text)
        }
        _ => {
            return Err(table
                .mistake("write when-field or when-header, and with `is` the value that it has"));
        }
    };
    let without = table.text("without-field")?;
    Ok(Some(without.map_or(when.clone(), |without| when.without_field(&without.text))))
}

/// How a signed handshake is answered.
fn answer(table: &mut Table<'_>, when: When) -> Result<Handshake, Mistake> {
    let mut found = Vec::new();
    if let Some(path) = table.text("echo-field")? {
        found.push(when.clone().echo_field(&path.text));
    }
    if let Some(name) = table.text("echo-header")? {
        found.push(when.clone().echo_header(&name.text));
    }
    if let Some(json) = table.text("answer-json")? {
        if serde_json::from_str::<serde::de::IgnoredAny>(&json.text).is_err() {
            return Err(json.mistake(r#"it must be JSON in quotes, such as '{"type":1}'"#));
        }
        found.push(when.clone().answer_json(json.text));
    }
    if table.is_set("answer-nothing")? {
        found.push(when.clone().answer_nothing());
    }
    if let Some(mut echo) = table.table("echo-field-with-mac")? {
        let field = echo.needed("field", r#""payload.plainToken""#)?.text;
        let plain = echo.needed("plain", r#""plainToken""#)?.text;
        let mac = echo.needed("mac", r#""encryptedToken""#)?.text;
        echo.finish()?;
        found.push(when.echo_field_with_mac(&field, &plain, &mac));
    }
    match (found.pop(), found.is_empty()) {
        (Some(handshake), true) => Ok(handshake),
        _ => Err(table.mistake(
            "say how it is answered, once: echo-field, echo-header, echo-field-with-mac, answer-json or \
             answer-nothing",
        )),
    }
}
