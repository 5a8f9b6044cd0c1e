//! What proves a delivery: `hmac-sha256 = { header = … }`, `shared-token = …`, `any-of = [ … ]`.

use countersign::{Proof, ProviderBuilder, Signature, Token};

use crate::config::document::{Mistake, Table, Text, Value};

type Signed =
    (&'static str, fn(ProviderBuilder, Signature) -> ProviderBuilder, fn(Signature) -> Proof);

/// The proofs with a signature, alone and as one of several.
const SIGNED: &[Signed] = &[
    ("hmac-sha256", ProviderBuilder::hmac_sha256, Proof::hmac_sha256),
    ("hmac-sha1", ProviderBuilder::hmac_sha1, Proof::hmac_sha1),
    ("hmac-sha512", ProviderBuilder::hmac_sha512, Proof::hmac_sha512),
    ("ed25519", ProviderBuilder::ed25519, Proof::ed25519),
    ("ecdsa-p256", ProviderBuilder::ecdsa_p256, Proof::ecdsa_p256),
];

/// Gives the builder the proofs of a provider. It refuses a second one.
pub(super) fn proofs(
    table: &mut Table<'_>,
    mut builder: ProviderBuilder,
) -> Result<ProviderBuilder, Mistake> {
    for (field, prove, _) in SIGNED {
        if let Some(given) = table.table(field)? {
            builder = prove(builder, signature(given)?);
        }
    }
    if let Some(given) = table.take("shared-token") {
        builder = builder.shared_token(token(given)?);
    }
    let several = table.tables("any-of")?;
    if !several.is_empty() {
        let proofs = several.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        builder = builder.any_of(proofs);
    }
    Ok(builder)
}

/// One of several proofs: a table with a single field.
fn one(mut table: Table<'_>) -> Result<Proof, Mistake> {
    let mut proofs = Vec::new();
    for (field, _, prove) in SIGNED {
        if let Some(given) = table.table(field)? {
            proofs.push(prove(signature(given)?));
        }
    }
    if let Some(given) = table.take("shared-token") {
        proofs.push(Proof::shared_token(token(given)?));
    }
    let mistake = table.mistake(
        r#"each item has one proof, as in { hmac-sha256 = { header = "X-Acme-Signature" } }"#,
    );
    table.finish()?;
    match (proofs.pop(), proofs.is_empty()) {
        (Some(proof), true) => Ok(proof),
        _ => Err(mistake),
    }
}

fn signature(mut table: Table<'_>) -> Result<Signature, Mistake> {
    let mut signature = Signature::header(&table.needed("header", r#""X-Acme-Signature""#)?.text);
    for name in table.texts("or-header")? {
        signature = signature.or_header(&name.text);
    }
    if let Some(last) = table.take("numbered") {
        let mistake = last.mistake("the last number must be from 1 to 1000");
        let last = last.into_number()?;
        if !(1..=1000).contains(&last) {
            return Err(mistake);
        }
        signature = signature.numbered(last);
    }
    if let Some(prefix) = table.text("prefix")? {
        signature = signature.prefix(&prefix.text);
    }
    if let Some(encoding) = table.text("encoding")? {
        let encode = encoding.one_of::<fn(Signature) -> Signature>(&[
            ("hex", Signature::hex),
            ("lower-hex", Signature::lower_hex),
            ("base64", Signature::base64),
            ("base64url", Signature::base64url),
        ])?;
        signature = encode(signature);
    }
    if let Some(separator) = table.text("separator")? {
        signature = signature.separator(character(&separator)?);
    }
    if let Some(separator) = table.text("group-separator")? {
        signature = signature.group_separator(character(&separator)?);
    }
    signature = secret(&mut table, signature)?;
    table.finish()?;
    Ok(signature)
}

/// How the key is read from the secret.
fn secret(table: &mut Table<'_>, signature: Signature) -> Result<Signature, Mistake> {
    type Read = fn(Signature, &str) -> Signature;
    /// Each with whether a prefix may stand before the encoded key.
    const ENCODINGS: &[(&str, (bool, Read))] = &[
        ("text", (false, |signature, _| signature)),
        ("ascii", (false, |signature, _| signature.ascii_secret())),
        ("hex", (false, |signature, _| signature.hex_secret())),
        ("base64", (true, Signature::base64_secret)),
        ("base64url", (false, |signature, _| signature.base64url_secret())),
        ("base64-or-text", (true, Signature::base64_or_text_secret)),
        ("text-or-base64", (true, Signature::text_or_base64_secret)),
    ];
    let encoding = table.text("secret-encoding")?;
    let encoding = encoding.map(|encoding| encoding.one_of(ENCODINGS)).transpose()?;
    let prefix = table.text("secret-prefix")?;
    match (encoding, &prefix) {
        (None, None) => Ok(signature),
        (Some((_, read)), None) => Ok(read(signature, "")),
        (Some((true, read)), Some(prefix)) => Ok(read(signature, &prefix.text)),
        (_, Some(prefix)) => Err(prefix.mistake(
            "a prefix goes with secret-encoding = \"base64\", \"base64-or-text\" or \"text-or-base64\"",
        )),
    }
}

/// A token in a header, or one of the forms that HTTP has for it.
fn token(given: Value<'_>) -> Result<Token, Mistake> {
    if given.is_text() {
        let form = given.into_text()?;
        return Ok(form
            .one_of::<fn() -> Token>(&[("bearer", Token::bearer), ("basic", Token::basic)])?(
        ));
    }
    let mut table = given.into_table()?;
    let mut token = Token::header(&table.needed("header", r#""X-Acme-Token""#)?.text);
    if let Some(prefix) = table.text("prefix")? {
        token = token.prefix(&prefix.text);
    }
    table.finish()?;
    Ok(token)
}

/// A separator.
pub(super) fn character(text: &Text) -> Result<char, Mistake> {
    let mut characters = text.text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(text.mistake(r#"it must be one character, such as ",""#)),
    }
}
