//! `[[endpoint]]`: one place that one provider sends to. Its fields are the calls of
//! [`EndpointBuilder`], which checks them.

use std::sync::Arc;
use std::time::Duration;

use countersign::{Endpoint, EndpointBuilder, Parking, Provider, RejectionKind, Secret};

use super::document::{Lines, Mistake, Place, Table, Text, Value};
use super::provider::window;
use super::source::{Folder, Source};
use super::targets::targets;
use super::{ForAll, Shared};
use crate::forward::Targets;
use crate::listen::Current;

/// An endpoint of the file: all but its secrets, which are read whenever it is made.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) id: String,
    /// The provider's id.
    pub(crate) provider: String,
    pub(crate) path: String,
    /// Where its events go; printed if there is none.
    pub(crate) targets: Option<Targets>,
    builder: EndpointBuilder,
    secrets: Vec<Source>,
    verify_token: Option<Source>,
    /// The verify token of the command line, which wins.
    pub(crate) given_token: Option<Secret>,
    signing_key: Option<Source>,
    place: Arc<Place>,
    lines: Arc<Lines>,
}

impl Planned {
    /// Where the secrets are.
    pub(crate) fn sources(&self) -> Vec<String> {
        self.secrets.iter().map(Source::spelled).collect()
    }

    /// Reads the secrets and makes the endpoint. An error is a sentence without a secret.
    pub(crate) fn make(&self) -> Result<Current, String> {
        self.try_make().map_err(|mistake| self.lines.say(&mistake))
    }

    fn try_make(&self) -> Result<Current, Mistake> {
        let mut secrets = Vec::with_capacity(self.secrets.len());
        for (nth, source) in self.secrets.iter().enumerate() {
            match nth {
                0 => secrets.push(source.secret()?),
                // A rotation is over when a later one is blank.
                _ => secrets.extend(source.secret_or_blank()?),
            }
        }
        let mut builder = self.builder.clone().secrets(secrets.clone());
        let own_token = || self.verify_token.as_ref().map(Source::secret).transpose();
        if let Some(token) =
            self.given_token.clone().map_or_else(own_token, |token| Ok(Some(token)))?
        {
            builder = builder.verify_token(token);
        }
        let signing_key = self.signing_key.as_ref().map(Source::secret).transpose()?;
        let endpoint = builder.build().map_err(|error| self.place.builders(&error))?;
        Ok(Current::new(endpoint, secrets, signing_key))
    }

    /// Says something of it, with its line.
    pub(super) fn mistake(&self, says: &str) -> String {
        self.lines.say(&self.place.mistake(says))
    }
}

type SetDuration = fn(EndpointBuilder, Duration) -> EndpointBuilder;

const DURATIONS: &[(&str, SetDuration)] = &[
    ("body-timeout", EndpointBuilder::body_timeout),
    ("renew-for", EndpointBuilder::renew_for),
    ("store-timeout", EndpointBuilder::store_timeout),
    ("retention", EndpointBuilder::retention),
    ("retry-after", EndpointBuilder::retry_after),
];

/// Reads an endpoint. `provider` finds that of an id.
pub(super) fn planned(
    mut table: Table<'_>,
    (folder, lines): (&Folder, &Arc<Lines>),
    for_all: &ForAll<'_>,
    provider: impl Fn(&str) -> Result<Provider, String>,
) -> Result<Planned, Mistake> {
    let id = table.needed("id", r#""acme""#)?;
    if id.text.is_empty() || !id.text.bytes().all(is_plain) {
        return Err(id.mistake("an id has letters, digits, `-`, `_`, `.` and `~`"));
    }
    table.call(&format!("endpoint {}", id.text));
    let of = table.needed("provider", r#""github""#)?;
    let found = provider(&of.text).map_err(|problem| of.mistake(problem))?;
    let path = path(&mut table, &id)?;
    let secrets = table.take("secrets").map(Value::into_items).unwrap_or_default();
    let secrets: Result<Vec<_>, _> =
        secrets.into_iter().map(|given| Source::read(given, folder)).collect();
    let secrets = secrets?;
    if secrets.is_empty() {
        return Err(table.missing("secrets", r#"["env:VARIABLE"]"#));
    }
    let verify_token = Source::of_field(&mut table, "verify-token", folder)?;
    let signing_key = Source::of_field(&mut table, "signing-key", folder)?;
    let builder = settings(&mut table, Endpoint::builder(&id.text, found), for_all)?;
    let own = table.take("forward-to").map(targets).transpose()?;
    let targets = for_all.choose(own, |shared: &Shared| shared.targets.clone());
    let place = Arc::new(table.finish()?);
    Ok(Planned {
        id: id.text,
        provider: of.text,
        path,
        targets,
        builder,
        secrets,
        verify_token,
        given_token: None,
        signing_key,
        place,
        lines: Arc::clone(lines),
    })
}

/// What needs no escape in a URL.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// The path that the provider sends to.
fn path(table: &mut Table<'_>, id: &Text) -> Result<String, Mistake> {
    let Some(path) = table.text("path")? else { return Ok(format!("/webhooks/{}", id.text)) };
    if !path.text.starts_with('/') || !path.text.bytes().all(|byte| byte == b'/' || is_plain(byte))
    {
        return Err(path.mistake(
            "a path begins with `/` and has letters, digits, `/`, `-`, `.`, `_` and `~`, such as \
             \"/webhooks/acme\"",
        ));
    }
    Ok(path.text)
}

/// What else can be set.
fn settings(
    table: &mut Table<'_>,
    mut builder: EndpointBuilder,
    for_all: &ForAll<'_>,
) -> Result<EndpointBuilder, Mistake> {
    for (field, set) in DURATIONS {
        if let Some(duration) = table.duration(field)? {
            builder = set(builder, duration);
        }
    }
    if let Some(lease) = for_all.choose(table.duration("lease")?, |shared| shared.lease) {
        builder = builder.lease(lease);
    }
    if let Some(bytes) = for_all.choose(table.number("max-body")?, |shared| shared.max_body) {
        builder = builder.max_body(bytes);
    }
    let public_url = table.text("public-url")?.map(|url| url.text);
    if let Some(url) = for_all.choose(public_url, |shared| shared.public_url.clone()) {
        builder = builder.public_url(&url);
    }
    if let Some(given) = table.table("window")? {
        builder = builder.window(window(given)?);
    }
    if let Some(forget) = table.flag("forget-when-handled")? {
        builder = builder.forget_when_handled(forget);
    }
    let own = table.table_like("park", "{ after = 5 }")?.map(Park::read).transpose()?;
    let after = own.as_ref().map(|park| park.after);
    if let Some(after) = for_all.choose(after, |shared| shared.park_after) {
        builder = builder.park(own.unwrap_or_default().parking(after));
    }
    let methods = table.texts("methods")?;
    if !methods.is_empty() {
        builder = builder.methods(methods.iter().map(|method| &method.text));
    }
    for (code, status) in table.table("answer")?.into_iter().flat_map(Table::into_entries) {
        let kind = RejectionKind::ALL.iter().find(|kind| kind.code() == code.text);
        let kind = kind.ok_or_else(|| {
            code.mistake("there is no such reason; write a code that lines and answers have, such as body_too_large")
        })?;
        builder = builder.answer(*kind, status.into_number()?);
    }
    Ok(builder)
}

/// `park`.
#[derive(Default)]
struct Park {
    after: u32,
    no_sooner_than: Option<Duration>,
    keep_for: Option<Duration>,
}

impl Park {
    fn read(mut table: Table<'_>) -> Result<Self, Mistake> {
        let Some(after) = table.number("after")? else { return Err(table.missing("after", "5")) };
        if after == 0 {
            return Err(table.mistake("`after` is zero; make it more than zero"));
        }
        let no_sooner_than = table.duration("no-sooner-than")?;
        let keep_for = table.duration("keep-for")?;
        table.finish()?;
        Ok(Self { after, no_sooner_than, keep_for })
    }

    /// After so many attempts, which the command line may have said.
    fn parking(self, after: u32) -> Parking {
        let mut parking = Parking::after(after);
        if let Some(time) = self.no_sooner_than {
            parking = parking.no_sooner_than(time);
        }
        if let Some(time) = self.keep_for {
            parking = parking.keep_for(time);
        }
        parking
    }
}
