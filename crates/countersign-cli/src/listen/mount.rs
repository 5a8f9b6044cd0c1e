//! An endpoint at its path, whose secrets can be read again while it runs.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use countersign::{DynStore, Endpoint, Receiver, Secret};

use super::By;
use crate::env_files::EnvFiles;

/// Makes an endpoint anew, from where its secrets are. An error is a sentence without a secret.
pub(crate) type Make = dyn Fn() -> Result<Current, String> + Send + Sync;

/// An endpoint at its path.
pub(crate) struct Mount {
    pub(crate) name: Arc<str>,
    pub(crate) provider: Arc<str>,
    pub(crate) path: String,
    /// What handles its events, where that is not what handles all others.
    pub(crate) by: Option<By>,
    /// Where its secrets are, and the files of variables among them.
    pub(crate) sources: Vec<String>,
    pub(crate) env: EnvFiles,
    current: RwLock<Arc<Current>>,
    make: Option<Box<Make>>,
}

/// An endpoint, and what is known beside it to whoever looks into its deliveries.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) endpoint: Endpoint,
    /// The secrets, to say why a delivery is not genuine. Empty where they are not known.
    pub(crate) secrets: Vec<Secret>,
    /// What signs a replay, where that is not the first secret.
    pub(crate) signing_key: Option<Secret>,
    receiver: OnceLock<Receiver<Arc<dyn DynStore>>>,
}

impl Current {
    pub(crate) fn new(
        endpoint: Endpoint,
        secrets: Vec<Secret>,
        signing_key: Option<Secret>,
    ) -> Self {
        Self { endpoint, secrets, signing_key, receiver: OnceLock::new() }
    }

    /// The same with a key that signs replays.
    pub(crate) fn signed_with(self, signing_key: Option<Secret>) -> Self {
        Self { signing_key, ..self }
    }

    /// What its deliveries share.
    pub(crate) fn receiver(&self, store: &Arc<dyn DynStore>) -> &Receiver<Arc<dyn DynStore>> {
        self.receiver.get_or_init(|| Receiver::new(self.endpoint.clone(), Arc::clone(store)))
    }
}

impl Mount {
    /// An endpoint that stays as it is.
    pub(crate) fn fixed(current: Current, path: Option<String>) -> Self {
        Self::new(current, path, None)
    }

    /// An endpoint that is made, and can be made again.
    pub(crate) fn made(
        path: Option<String>,
        make: impl Fn() -> Result<Current, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        Ok(Self::new(make()?, path, Some(Box::new(make))))
    }

    fn new(current: Current, path: Option<String>, make: Option<Box<Make>>) -> Self {
        let name: Arc<str> = current.endpoint.name().into();
        let path = path.unwrap_or_else(|| format!("/webhooks/{name}"));
        let provider = current.endpoint.provider().name().into();
        let (sources, env) = (Vec::new(), EnvFiles::default());
        let current = RwLock::new(Arc::new(current));
        Self { name, provider, path, by: None, sources, env, current, make }
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the secrets again, for [`replace`](Self::replace). Nothing for an endpoint that stays as it is.
    pub(crate) fn make_again(&self) -> Result<Option<Current>, String> {
        let Some(make) = &self.make else { return Ok(None) };
        // To open a pipe waits for who writes to it: nothing would be read again any more.
        let pipe = self.sources.iter().find(|source| {
            let path = source.strip_prefix("file:").map(std::fs::metadata);
            path.is_some_and(|found| found.is_ok_and(|found| !found.is_file()))
        });
        match pipe {
            Some(source) => {
                Err(format!("{source} is no regular file, and is read at the start only"))
            }
            None => make().map(Some),
        }
    }

    /// The sources that a running process sees no new value of.
    pub(crate) fn fixed_sources(&self) -> Vec<String> {
        let fixed = self.sources.iter().filter(|source| {
            source.strip_prefix("env:").is_some_and(|variable| !self.env.has(variable))
        });
        fixed.cloned().collect()
    }

    /// From now on, deliveries are judged by this.
    pub(crate) fn replace(&self, made: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(made);
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mount")
            .field("name", &self.name)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
