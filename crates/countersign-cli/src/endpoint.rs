//! `--provider NAME=SOURCE[,SOURCE…]`: a provider's endpoint with its secrets; and
//! `--verify-token NAME=SOURCE`, what the provider shows in its handshake.

use std::collections::{HashMap, HashSet};
use std::fmt;

use countersign::catalogue::{self, Confidence, Preset};
use countersign::{ConfigError, Endpoint, ErrorChain, Parking, Provider, Secret, SecretError};

use crate::args::ListenArgs;
use crate::config::{Config, Shared};
use crate::env_files::EnvFiles;
use crate::listen::{Current, Mount};

/// The endpoints that the command line asks for; each is named like its provider's NAME. `tokens` are
/// the verify tokens by NAME: those that are used are taken out.
pub(crate) fn from_args(
    args: &ListenArgs,
    config: &Config,
    shared: &Shared,
    tokens: &mut HashMap<String, Secret>,
) -> Result<Vec<Mount>, String> {
    let mut names = HashSet::new();
    let mut mounts = Vec::new();
    let mut keys = signing_keys(args, &shared.env)?;
    for given in &args.providers {
        let name = form(given).ok_or(FORM)?;
        let provider = match config.provider(name) {
            Some(own) => own.clone(),
            None => preset(name)?.provider(),
        };
        if !names.insert(name) {
            return Err(format!(
                "--provider {name} is given twice; give its secrets together, as in \
                 {name}=env:CURRENT,env:OLDER"
            ));
        }
        let key = keys.remove(name);
        let (name, token, shared) = (name.to_owned(), tokens.remove(name), shared.clone());
        let (given, env) = (given.clone(), shared.env.clone());
        let id = name.as_str().into();
        let listed = given.split_once('=').map_or("", |(_, sources)| sources);
        let sources = listed.split(',').map(str::to_owned).collect();
        let mut mount = Mount::made(None, move || {
            let secrets = read(&given, &shared.env).ok_or(FORM)?;
            let made = endpoint(&name, &provider, secrets, token.clone(), &shared);
            made.map(|made| made.signed_with(key.clone()))
                .map_err(|problem| format!("--provider {name}: {problem}"))
        })?;
        mount.provider = id;
        (mount.sources, mount.env) = (sources, env);
        mounts.push(mount);
    }
    if let Some(name) = keys.keys().next() {
        return Err(format!("--signing-key {name}: there is no --provider {name}"));
    }
    Ok(mounts)
}

/// The private keys by NAME.
fn signing_keys<'a>(
    args: &'a ListenArgs,
    env: &EnvFiles,
) -> Result<HashMap<&'a str, Secret>, String> {
    let mut keys = HashMap::new();
    for given in &args.signing_keys {
        let (name, source) = given.split_once('=').ok_or(KEY_FORM)?;
        let key = secret_in(source, env).ok_or(KEY_FORM)?;
        let key = key.map_err(|problem| format!("--signing-key {name}: {problem}"))?;
        if keys.insert(name, key).is_some() {
            return Err(format!("--signing-key {name} is given twice"));
        }
    }
    Ok(keys)
}

/// The verify tokens by NAME.
pub(crate) fn verify_tokens(
    args: &ListenArgs,
    env: &EnvFiles,
) -> Result<HashMap<String, Secret>, String> {
    let mut tokens = HashMap::new();
    for given in &args.verify_tokens {
        let (name, source) = given.split_once('=').ok_or(TOKEN_FORM)?;
        if args.config.is_none() {
            preset(name)?;
        }
        let token = secret_in(source, env).ok_or(TOKEN_FORM)?;
        let token = token.map_err(|problem| format!("--verify-token {name}: {problem}"))?;
        if tokens.insert(name.to_owned(), token).is_some() {
            return Err(format!(
                "--verify-token {name} is given twice; a provider shows one token"
            ));
        }
    }
    Ok(tokens)
}

/// It does not repeat what was given, which may be a secret by mistake.
const FORM: &str = "--provider takes NAME=SOURCE, such as piora=env:PIORA_SECRET; a SOURCE is \
                    env:VARIABLE or file:PATH, and never the secret itself";

/// The same.
const TOKEN_FORM: &str = "--verify-token takes NAME=SOURCE, such as meta=env:META_VERIFY_TOKEN; a \
                          SOURCE is env:VARIABLE or file:PATH, and never the token itself";

/// The same.
const KEY_FORM: &str = "--signing-key takes NAME=SOURCE, such as discord=file:test-key.pem; a SOURCE is \
                        env:VARIABLE or file:PATH, and never the key itself";

type Loaded = Result<Secret, SecretError>;

/// The name in `NAME=SOURCE[,SOURCE…]`, if it has this form.
fn form(given: &str) -> Option<&str> {
    let (name, sources) = given.split_once('=')?;
    let is_source = |source: &str| {
        let parts = source.split_once(':');
        parts.is_some_and(|(kind, at)| matches!(kind, "env" | "file") && !at.is_empty())
    };
    sources.split(',').all(is_source).then_some(name)
}

/// The secrets of `NAME=SOURCE[,SOURCE…]`. A mistake is a sentence without a secret.
fn read(given: &str, env: &EnvFiles) -> Option<Vec<Result<Secret, String>>> {
    let (_, sources) = given.split_once('=')?;
    let mut secrets = Vec::new();
    for (nth, source) in sources.split(',').enumerate() {
        match secret_in(source, env)? {
            // A rotation is over. What is missing is not blank: it may be a mistake in its name.
            Err(NoSecret::Blank(_)) if nth > 0 => {}
            secret => secrets.push(secret.map_err(|problem| problem.to_string())),
        }
    }
    Some(secrets)
}

/// Why a SOURCE gives no secret: a sentence without one.
pub(crate) enum NoSecret {
    /// There is nothing but white space in its place.
    Blank(String),
    Other(String),
}

impl fmt::Display for NoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Blank(sentence) | Self::Other(sentence)) = self;
        f.write_str(sentence)
    }
}

impl From<SecretError> for NoSecret {
    fn from(error: SecretError) -> Self {
        let sentence = ErrorChain::of(&error).to_string();
        match error {
            SecretError::Empty { .. } => Self::Blank(sentence),
            _ => Self::Other(sentence),
        }
    }
}

/// The secret, labeled with its source, where variables are also in files; nothing if that is none.
pub(crate) fn secret_in(source: &str, env: &EnvFiles) -> Option<Result<Secret, NoSecret>> {
    match source.split_once(':') {
        Some(("env", variable)) if !variable.is_empty() => {
            Some(env.secret(variable).map(|secret| secret.labeled(source)))
        }
        _ => Some(secret(source)?.map_err(NoSecret::from)),
    }
}

/// The secret, labeled with its source; nothing if that is none.
fn secret(source: &str) -> Option<Loaded> {
    let secret = match source.split_once(':')? {
        (_, "") => return None,
        ("env", variable) => Secret::from_env(variable),
        ("file", path) => Secret::from_file(path),
        _ => return None,
    };
    Some(secret.map(|secret| secret.labeled(source)))
}

pub(crate) fn preset(name: &str) -> Result<&'static Preset, String> {
    catalogue::by_id(name).ok_or_else(|| {
        let near = near(name);
        let meant = match &*near {
            [] => String::new(),
            near => format!("; is it {}?", near.join(", ")),
        };
        format!("unknown provider `{name}`: `countersign providers` lists them{meant}")
    })
}

/// The ids that a mistyped name may mean, the likeliest first.
fn near(name: &str) -> Vec<&'static str> {
    let name = &*name.to_ascii_lowercase();
    let likeness = |id: &str| match name.len() > 3 && id.contains(name) {
        true => 1.0,
        false => strsim::jaro_winkler(id, name),
    };
    let all = catalogue::all().map(|preset| (likeness(preset.id()), preset.id()));
    let mut near: Vec<_> = all.filter(|(likeness, _)| *likeness > 0.8).collect();
    near.sort_by(|(left, _), (right, _)| right.total_cmp(left));
    near.into_iter().map(|(_, id)| id).take(5).collect()
}

fn endpoint(
    name: &str,
    provider: &Provider,
    secrets: Vec<Result<Secret, String>>,
    verify_token: Option<Secret>,
    shared: &Shared,
) -> Result<Current, String> {
    let secrets = secrets.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut endpoint = Endpoint::builder(name, provider.clone()).secrets(secrets.clone());
    if let Some(token) = verify_token {
        endpoint = endpoint.verify_token(token);
    }
    if let Some(bytes) = shared.max_body {
        endpoint = endpoint.max_body(bytes);
    }
    if let Some(lease) = shared.lease {
        endpoint = endpoint.lease(lease);
    }
    if let Some(after) = shared.park_after {
        endpoint = endpoint.park(Parking::after(after));
    }
    if let Some(url) = &shared.public_url {
        endpoint = endpoint.public_url(url);
    }
    let built = endpoint.build().map_err(|error| match error {
        ConfigError::NoPublicUrl { provider } => format!(
            "{provider} signs the URL; give the one that it sends to, without the path: \
             --public-url https://hooks.example.test"
        ),
        ConfigError::CountsWhatIsForgotten => format!(
            "an event of {} is forgotten as soon as it is handled, so its attempts cannot be counted: leave \
             --park-after out",
            provider.name()
        ),
        error => error.to_string(),
    })?;
    Ok(Current::new(built, secrets, None))
}

/// What to say at the start of providers whose facts nobody has confirmed.
pub(crate) fn unconfirmed<'m>(mounts: impl Iterator<Item = &'m Mount>) -> Vec<String> {
    let names = mounts.filter_map(|mount| catalogue::by_id(&mount.provider));
    let weak = names.filter(|preset| preset.confidence() == Confidence::Weak);
    let say = |preset: &Preset| {
        format!(
            "countersign: {}: the facts of this provider are from other catalogues and are not \
             confirmed; compare `countersign providers` with its documentation",
            preset.id()
        )
    };
    weak.map(say).collect()
}
