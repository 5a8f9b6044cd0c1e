//! `--config` and `--env-file` of the commands that send or judge one delivery: the providers and the
//! variables that `listen` knows from the same files.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::Args;
use countersign::{Provider, Secret};

use crate::config;
use crate::endpoint::{preset, secret_in};
use crate::env_files::EnvFiles;

#[derive(Args, Debug)]
pub(crate) struct KnownArgs {
    /// A file of `listen --config`: PROVIDER may be a [[provider]] of it, and the variables of its env-file
    /// are known.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A file with variables for env:VARIABLE, in lines NAME=VALUE. They go before the environment.
    #[arg(long = "env-file", value_name = "FILE")]
    env_files: Vec<PathBuf>,
}

/// What the files say.
pub(crate) struct Known {
    providers: HashMap<String, Provider>,
    env: EnvFiles,
}

/// A provider, and its name for people.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) provider: Provider,
}

impl Known {
    /// An error is one sentence.
    pub(crate) fn read(args: &KnownArgs) -> Result<Self, String> {
        let (providers, file) = match &args.config {
            Some(path) => config::providers(path)?,
            None => Default::default(),
        };
        let env = EnvFiles::new(args.env_files.iter().cloned()).and(&EnvFiles::new(file));
        Ok(Self { providers, env })
    }

    /// The provider of the file or of the catalogue.
    pub(crate) fn provider(&self, id: &str) -> Result<Named, String> {
        if let Some(own) = self.providers.get(id) {
            return Ok(Named { name: own.name().to_owned(), provider: own.clone() });
        }
        let preset = preset(id).map_err(|unknown| {
            format!("{unknown}; a [[provider]] of a file of `listen` needs --config FILE")
        })?;
        Ok(Named { name: preset.name().to_owned(), provider: preset.provider() })
    }

    /// The secret of `--secret SOURCE`. The error does not repeat what was given, which may be a secret by
    /// mistake.
    pub(crate) fn secret(&self, source: &str) -> Result<Secret, String> {
        let secret = secret_in(source, &self.env).ok_or(
            "--secret takes a SOURCE, which is env:VARIABLE or file:PATH, and never the secret itself",
        )?;
        secret.map_err(|problem| format!("--secret: {problem}"))
    }
}
