//! `--provider NAME=SOURCE[,SOURCE…]`: a provider's endpoint with its secrets.

use std::collections::HashSet;

use countersign::providers::{hostwares, pakyas, percher, pingara, piora};
use countersign::{Endpoint, Provider, Secret, SecretError};

use crate::args::ListenArgs;

type Make = fn() -> Provider;

const KNOWN: [(&str, Make); 7] = [
    ("piora", piora::provider),
    ("hostwares", hostwares::provider),
    ("percher", percher::provider),
    ("pingara", pingara::provider),
    ("pingara-bearer", pingara::bearer),
    ("pingara-basic", pingara::basic),
    ("pakyas", pakyas::provider),
];

/// The endpoints that the command line asks for; each is named like its provider's NAME.
pub(crate) fn from_args(args: &ListenArgs) -> Result<Vec<Endpoint>, String> {
    let mut names = HashSet::new();
    let mut endpoints = Vec::new();
    for given in &args.providers {
        let (name, secrets) = read(given).ok_or(FORM)?;
        let provider = provider(name)?;
        if !names.insert(name) {
            return Err(format!(
                "--provider {name} is given twice; give its secrets together, as in \
                 {name}=env:CURRENT,env:OLDER"
            ));
        }
        let endpoint = endpoint(name, provider, secrets, args);
        endpoints.push(endpoint.map_err(|problem| format!("--provider {name}: {problem}"))?);
    }
    Ok(endpoints)
}

/// It does not repeat what was given, which may be a secret by mistake.
const FORM: &str = "--provider takes NAME=SOURCE, such as piora=env:PIORA_SECRET; a SOURCE is \
                    env:VARIABLE or file:PATH, and never the secret itself";

type Loaded = Result<Secret, SecretError>;

fn read(given: &str) -> Option<(&str, Vec<Loaded>)> {
    let (name, sources) = given.split_once('=')?;
    Some((name, sources.split(',').map(secret).collect::<Option<_>>()?))
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

fn provider(name: &str) -> Result<Provider, String> {
    let found = KNOWN.iter().find(|(known, _)| *known == name);
    found.map(|(_, make)| make()).ok_or_else(|| {
        let known = KNOWN.map(|(known, _)| known).join(", ");
        format!("unknown provider `{name}`; known are {known}")
    })
}

fn endpoint(
    name: &str,
    provider: Provider,
    secrets: Vec<Loaded>,
    args: &ListenArgs,
) -> Result<Endpoint, String> {
    let mut endpoint = Endpoint::builder(name, provider);
    for secret in secrets {
        endpoint = endpoint.secret(secret.map_err(|error| error.to_string())?);
    }
    if let Some(bytes) = args.max_body {
        endpoint = endpoint.max_body(bytes);
    }
    if let Some(lease) = args.lease {
        endpoint = endpoint.lease(lease);
    }
    endpoint.build().map_err(|error| error.to_string())
}
