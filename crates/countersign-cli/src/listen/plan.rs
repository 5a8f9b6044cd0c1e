//! What the command line and the file of `--config` ask for together.

use std::time::Duration;

use super::Mount;
use crate::args::ListenArgs;
use crate::config::{Config, Inspect, Shared};
use crate::endpoint;
use crate::env_files::EnvFiles;
use crate::forward::Targets;

/// Everything that is asked for. Where both say something, the command line wins.
pub(super) struct Plan {
    pub(super) addr: String,
    pub(super) store: String,
    /// What the store is called where it is asked for: the option, or the file's field.
    pub(super) store_is: String,
    pub(super) shutdown_timeout: Duration,
    pub(super) metrics: Option<String>,
    pub(super) inspect: Option<Inspect>,
    pub(super) endpoints: Vec<Planned>,
    /// Files of variables.
    pub(super) env: EnvFiles,
}

/// An endpoint, and where its events go; they are printed if there is no target.
pub(super) struct Planned {
    pub(super) mount: Mount,
    pub(super) targets: Option<Targets>,
}

impl Plan {
    /// Reads the file and the secrets. An error is one sentence without a secret.
    pub(super) fn of(args: &ListenArgs) -> Result<Self, String> {
        let given = Shared::given(args)?;
        let config = args.config.as_deref().map(|file| Config::read(file, &given)).transpose()?;
        let mut config = config.unwrap_or_default();
        let shared = given.or(&config.shared);
        let mut tokens = endpoint::verify_tokens(args, &shared.env)?;
        let mut endpoints = Vec::new();
        for mut planned in std::mem::take(&mut config.endpoints) {
            planned.given_token = tokens.remove(&planned.id);
            let (path, targets) = (planned.path.clone(), planned.targets.clone());
            let (provider, sources) = (planned.provider.as_str().into(), planned.sources());
            let mut mount = Mount::made(Some(path), move || planned.make())?;
            mount.provider = provider;
            (mount.sources, mount.env) = (sources, shared.env.clone());
            endpoints.push(Planned { mount, targets });
        }
        for mount in endpoint::from_args(args, &config, &shared, &mut tokens)? {
            if let Some(what) = endpoints.iter().find_map(|other| in_the_way(&mount, &other.mount))
            {
                return Err(format!("--provider {}: {what}", mount.name));
            }
            endpoints.push(Planned { mount, targets: shared.targets.clone() });
        }
        match tokens.keys().next() {
            Some(name) if args.config.is_some() => {
                return Err(format!("--verify-token {name}: there is no endpoint {name}"));
            }
            Some(name) => {
                return Err(format!("--verify-token {name}: there is no --provider {name}"));
            }
            None => {}
        }
        if endpoints.is_empty() {
            return Err(
                "there is no endpoint: the file has no [[endpoint]], and no --provider is given"
                    .to_owned(),
            );
        }
        let addr = args.addr.clone().or(config.addr);
        let store_is = match &args.config {
            Some(file) if args.store.is_none() => format!("{}: store", file.display()),
            _ => "--store".to_owned(),
        };
        let store = args.store.clone().or(config.store);
        let shutdown_timeout = args.shutdown_timeout.or(config.shutdown_timeout);
        Ok(Self {
            addr: addr.unwrap_or_else(|| "127.0.0.1:8787".to_owned()),
            store: store.unwrap_or_else(|| "memory".to_owned()),
            store_is,
            shutdown_timeout: shutdown_timeout.unwrap_or(Duration::from_secs(30)),
            metrics: args.metrics.clone().or(config.metrics),
            inspect: config.inspect,
            endpoints,
            env: shared.env,
        })
    }

    /// Whether events of one of the endpoints are printed.
    pub(super) fn prints(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.targets.is_none())
    }

    /// Whether events of one of the endpoints are forwarded.
    pub(super) fn forwards(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.targets.is_some())
    }
}

/// What an endpoint of the command line has in common with one of the file.
fn in_the_way(mount: &Mount, other: &Mount) -> Option<String> {
    if mount.name == other.name {
        return Some("the file has an endpoint with this id; give it another id there".to_owned());
    }
    (mount.path == other.path).then(|| {
        format!(
            "the endpoint {} of the file has its path {}; give that another `path`",
            other.name, other.path
        )
    })
}
