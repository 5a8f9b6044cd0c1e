//! `--config FILE`: what `listen` needs, from a TOML file.
//!
//! [`document`] reads TOML field by field, so that every mistake has its line. [`endpoint`] and
//! [`provider`] have a field for each call of the builders, which check what they are given; [`words`]
//! says what they found in the words of the file. [`source`] is where secrets and files are.

mod document;
mod endpoint;
mod provider;
mod source;
mod targets;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign::Provider;

pub(crate) use endpoint::Planned;

use crate::args::ListenArgs;
use crate::env_files::EnvFiles;
use crate::forward::Targets;
use document::{Lines, Mistake, Table};
use source::{Folder, Source};

/// What the file says. Where it says nothing, the command line's default holds.
#[derive(Default)]
pub(crate) struct Config {
    pub(crate) addr: Option<String>,
    pub(crate) store: Option<String>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) metrics: Option<String>,
    pub(crate) inspect: Option<Inspect>,
    /// For endpoints of the command line.
    pub(crate) shared: Shared,
    pub(crate) endpoints: Vec<Planned>,
    providers: Providers,
}

/// By id.
type Providers = HashMap<String, Provider>;

/// Not the store's address, in which there may be a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// Settings that hold for every endpoint which has none of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    pub(crate) lease: Option<Duration>,
    /// Only the command line has it for all.
    pub(crate) park_after: Option<u32>,
    pub(crate) max_body: Option<usize>,
    pub(crate) public_url: Option<String>,
    pub(crate) targets: Option<Targets>,
    /// Files of variables.
    pub(crate) env: EnvFiles,
}

impl Shared {
    /// What the command line says.
    pub(crate) fn given(args: &ListenArgs) -> Result<Self, String> {
        Ok(Self {
            lease: args.lease,
            park_after: args.park_after,
            max_body: args.max_body,
            public_url: args.public_url.clone(),
            targets: Targets::from_args(&args.forward_to)?,
            env: EnvFiles::new(args.env_files.iter().cloned()),
        })
    }

    /// These, and where they say nothing, the others.
    pub(crate) fn or(self, others: &Self) -> Self {
        Self {
            lease: self.lease.or(others.lease),
            park_after: self.park_after.or(others.park_after),
            max_body: self.max_body.or(others.max_body),
            public_url: self.public_url.or_else(|| others.public_url.clone()),
            targets: self.targets.or_else(|| others.targets.clone()),
            env: self.env.and(&others.env),
        }
    }
}

/// `[inspect]`.
#[derive(Debug)]
pub(crate) struct Inspect {
    pub(crate) addr: String,
    pub(crate) file: Option<PathBuf>,
    /// Where it is, as on the command line.
    pub(crate) token: Option<String>,
    pub(crate) keep: Option<usize>,
}

/// Settings for all endpoints: what the command line says wins over an endpoint's own, and that over
/// what the top of the file says.
struct ForAll<'a> {
    given: &'a Shared,
    file: &'a Shared,
}

impl ForAll<'_> {
    fn choose<T>(&self, own: Option<T>, of: impl Fn(&Shared) -> Option<T>) -> Option<T> {
        of(self.given).or(own).or_else(|| of(self.file))
    }
}

impl Config {
    /// Reads the file. `given` is what the command line says for all endpoints. An error is one sentence
    /// with the file's name, and where it is a mistake in it, the line.
    pub(crate) fn read(path: &Path, given: &Shared) -> Result<Self, String> {
        Self::parse(path, &text(path)?, given)
    }

    fn parse(path: &Path, text: &str, given: &Shared) -> Result<Self, String> {
        let lines = Arc::new(Lines::of(path, text));
        let read = document::parse(text).and_then(|table| file(table, path, &lines, given));
        let config = read.map_err(|mistake| lines.say(&mistake))?;
        config.distinct()?;
        Ok(config)
    }

    /// The provider with this id that the file defines.
    pub(crate) fn provider(&self, id: &str) -> Option<&Provider> {
        self.providers.get(id)
    }

    /// No two endpoints have the same id or path.
    fn distinct(&self) -> Result<(), String> {
        for (index, endpoint) in self.endpoints.iter().enumerate() {
            let mut earlier = self.endpoints.iter().take(index);
            if earlier.clone().any(|other| other.id == endpoint.id) {
                return Err(endpoint.mistake(
                    "two endpoints have this id; it keeps their events apart in the store, so give \
                     each its own",
                ));
            }
            if let Some(other) = earlier.find(|other| other.path == endpoint.path) {
                return Err(endpoint.mistake(&format!(
                    "endpoint {} has the same path {}; give each its own `path`",
                    other.id, other.path
                )));
            }
        }
        Ok(())
    }
}

/// The providers that the file defines, and its file of variables. What else is in it is not looked at.
pub(crate) fn providers(path: &Path) -> Result<(Providers, Option<PathBuf>), String> {
    let text = text(path)?;
    let read = document::parse(&text).and_then(|mut table| {
        let env_file = env_file(&mut table, &Folder::of(path))?;
        Ok((own_providers(&mut table)?, env_file))
    });
    read.map_err(|mistake| Lines::of(path, &text).say(&mistake))
}

fn text(path: &Path) -> Result<String, String> {
    let cannot = |why: &str| format!("--config: cannot read {}: {why}", path.display());
    let bytes = std::fs::read(path).map_err(|error| cannot(&error.to_string()))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8 text"))
}

fn file(
    mut table: Table<'_>,
    path: &Path,
    lines: &Arc<Lines>,
    given: &Shared,
) -> Result<Config, Mistake> {
    let folder = Folder::of(path);
    let env_file = env_file(&mut table, &folder)?;
    let mut config = Config {
        addr: table.text("addr")?.map(|addr| addr.text),
        store: table.text("store")?.map(|store| folder.store(&store.text)),
        shutdown_timeout: table.duration("shutdown-timeout")?,
        metrics: table.text("metrics")?.map(|addr| addr.text),
        ..Config::default()
    };
    let shared = Shared {
        lease: table.duration("lease")?,
        park_after: None,
        max_body: table.number("max-body")?,
        public_url: table.text("public-url")?.map(|url| url.text),
        targets: table.take("forward-to").map(targets::targets).transpose()?,
        env: given.env.and(&EnvFiles::new(env_file)),
    };
    let folder = folder.with(shared.env.clone());
    config.inspect = table.table("inspect")?.map(|table| inspect(table, &folder)).transpose()?;
    config.providers = own_providers(&mut table)?;
    let for_all = ForAll { given, file: &shared };
    let find = |id: &str| match config.providers.get(id) {
        Some(own) => Ok(own.clone()),
        None => match crate::endpoint::preset(id) {
            Ok(preset) => Ok(preset.provider()),
            Err(unknown) => {
                const OR_OWN: &str =
                    "lists them, and one of your own is a [[provider]] in this file";
                Err(unknown.replacen("lists them", OR_OWN, 1))
            }
        },
    };
    let planned = |table| endpoint::planned(table, (&folder, lines), &for_all, find);
    config.endpoints =
        table.tables("endpoint")?.into_iter().map(planned).collect::<Result<_, _>>()?;
    table.finish()?;
    config.shared = shared;
    Ok(config)
}

fn env_file(table: &mut Table<'_>, folder: &Folder) -> Result<Option<PathBuf>, Mistake> {
    Ok(table.text("env-file")?.map(|file| folder.path(&file.text)))
}

fn own_providers(table: &mut Table<'_>) -> Result<Providers, Mistake> {
    let mut providers = Providers::new();
    for table in table.tables("provider")? {
        let (id, provider) = own_provider(table, &providers)?;
        providers.insert(id, provider);
    }
    Ok(providers)
}

fn own_provider(mut table: Table<'_>, others: &Providers) -> Result<(String, Provider), Mistake> {
    let id = table.needed("id", r#""acme""#)?;
    let is_id = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.text.is_empty() || !id.text.bytes().all(is_id) {
        return Err(id.mistake("an id has small letters, digits and `-`"));
    }
    if countersign::catalogue::by_id(&id.text).is_some() {
        return Err(id.mistake("the catalogue has a provider with this id; choose another id"));
    }
    if others.contains_key(&id.text) {
        return Err(id.mistake("two providers have this id; choose another id for one"));
    }
    table.call(&format!("provider {}", id.text));
    let provider = provider::provider(&id.text, table)?;
    Ok((id.text, provider))
}

fn inspect(mut table: Table<'_>, folder: &Folder) -> Result<Inspect, Mistake> {
    let addr = table.needed("addr", r#""127.0.0.1:4040""#)?.text;
    let file = table.text("file")?.map(|file| folder.path(&file.text));
    let token = Source::of_field(&mut table, "token", folder)?;
    // Read here too, so that a mistake is said with its line.
    let token = token.map(|token| token.secret().map(|_| token.spelled())).transpose()?;
    let keep = table.number("keep")?;
    table.finish()?;
    Ok(Inspect { addr, file, token, keep })
}
