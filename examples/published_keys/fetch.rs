//! The keys at a provider's address.

use bytes::Bytes;
use countersign::{ResolveError, Secret, SecretResolver, TenantSecrets};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

/// More than any set of keys has.
const LONGEST_ANSWER: usize = 64 * 1024;

/// A JSON Web Key Set at an address. A real one is fetched over TLS: with the connector of `hyper-rustls`, or
/// with another client. Whoever can change what this fetches can sign deliveries.
pub(crate) struct KeySet {
    client: Client<HttpConnector, Empty<Bytes>>,
    url: Uri,
}

impl KeySet {
    pub(crate) fn at(url: &str) -> Result<Self, crate::Failure> {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { client, url: url.parse()? })
    }
}

impl SecretResolver for KeySet {
    async fn resolve(&self, _: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        let request = Request::get(self.url.clone()).body(Empty::new())?;
        let answer = self.client.request(request).await?;
        // A page that says "not found" is no answer to which keys there are.
        if answer.status() != StatusCode::OK {
            return Err(format!("the provider answered {}", answer.status()).into());
        }
        let document = Limited::new(answer.into_body(), LONGEST_ANSWER).collect().await?.to_bytes();
        Ok(Some(TenantSecrets::new(Secret::from_jwks(&document)?)))
    }
}
