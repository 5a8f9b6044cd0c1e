//! Secrets from Vault: `GET /v1/secret/data/webhooks/{tenant}`.
//!
//! Sources: HashiCorp, "KV secrets engine - version 2 (API)", "Read secret version"; "HTTP API", "HTTP
//! status codes" and "Error response".

use bytes::Bytes;
use countersign::{ResolveError, Secret, SecretResolver, TenantSecrets};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;

/// More than Vault has to say.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where Vault is, and what it knows this program by. A real Vault is asked over TLS: with the connector of
/// `hyper-rustls`, or with another client.
pub(crate) struct Vault {
    client: Client<HttpConnector, Empty<Bytes>>,
    address: String,
    token: HeaderValue,
}

impl Vault {
    pub(crate) fn new(address: &str, token: &str) -> Result<Self, crate::Failure> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut token = HeaderValue::from_str(token)?;
        token.set_sensitive(true); // in no `Debug`
        Ok(Self { client, address: address.to_owned(), token })
    }
}

/// The answer to a read: the secret's own fields are in `data.data`.
#[derive(Deserialize)]
struct Read {
    data: Version,
}

#[derive(Deserialize)]
struct Version {
    data: Fields,
}

/// What the operator wrote: `vault kv put secret/webhooks/acme current=… previous=…`.
#[derive(Deserialize)]
struct Fields {
    current: String,
    previous: Option<String>,
}

/// What is beside a status that is not 200.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    errors: Vec<String>,
}

impl SecretResolver for Vault {
    async fn resolve(&self, tenant: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        // The name is a stranger's. Only what is one segment of a path may become part of one: `..` or
        // `acme?version=1` would ask Vault for something else.
        if !tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            return Ok(None);
        }
        let request = Request::get(format!("{}/v1/secret/data/webhooks/{tenant}", self.address))
            .header("X-Vault-Token", &self.token)
            .body(Empty::new())?;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await?.to_bytes();
        match status {
            StatusCode::OK => {}
            // No such secret, or a version that was deleted. With an error in it, it is another 404: there
            // is no engine at this path. That is the operator's mistake, and no reason to refuse tenants.
            StatusCode::NOT_FOUND => {
                let problem: Problem = serde_json::from_slice(&body)
                    .map_err(|_| "a 404 that is not as Vault writes it")?;
                return match problem.errors.first() {
                    None => Ok(None),
                    Some(error) => Err(format!("Vault answered 404: {error}").into()),
                };
            }
            other => return Err(format!("Vault answered {other}").into()),
        }
        // Not the error of serde_json: it can quote what it read, and errors are logged.
        let read: Read = serde_json::from_slice(&body)
            .map_err(|_| "no `current` in `data.data`, or it is not a text")?;
        let Fields { current, previous } = read.data.data;
        let mut secrets = vec![Secret::new(current)?.labeled("current")];
        if let Some(previous) = previous {
            secrets.push(Secret::new(previous)?.labeled("previous"));
        }
        Ok(Some(TenantSecrets::new(secrets)))
    }
}
