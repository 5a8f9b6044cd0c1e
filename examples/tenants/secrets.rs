//! Where the tenants' secrets come from: this is what a user writes, whatever the framework.

use std::time::Duration;

use countersign::{
    ConfigError, Endpoint, ResolveError, ResolvedSecrets, Secret, SecretError, SecretResolver,
    TenantSecrets, catalogue,
};
use sqlx::PgPool;

/// For the example, so that it is quick; the default is 5 s.
pub(crate) const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(500);

/// The table `github_secrets`. The two newest secrets of a tenant are valid: the current one, and the one
/// before it.
struct GithubSecrets(PgPool);

const NEWEST: &str = "SELECT secret, label FROM github_secrets WHERE tenant = $1 \
                      ORDER BY valid_from DESC LIMIT 2";

impl SecretResolver for GithubSecrets {
    async fn resolve(&self, tenant: &str) -> Result<Option<TenantSecrets>, ResolveError> {
        // An error here (the pool is exhausted, the database is away) is answered 503 and not 401. Where
        // secrets are encrypted in the table, decrypt them here.
        let rows: Vec<(String, String)> =
            sqlx::query_as(NEWEST).bind(tenant).fetch_all(&self.0).await?;
        let secrets = rows
            .into_iter()
            .map(|(secret, label)| Ok(Secret::new(secret)?.labeled(label)))
            .collect::<Result<Vec<_>, SecretError>>()?;
        // No row, no tenant.
        Ok((!secrets.is_empty()).then(|| TenantSecrets::new(secrets)))
    }
}

/// The endpoint of all tenants.
pub(crate) fn endpoint(pool: &PgPool) -> Result<Endpoint, ConfigError> {
    let secrets =
        ResolvedSecrets::by_path("/webhooks/{tenant}/github", GithubSecrets(pool.clone()))
            .look_again_after(LOOK_AGAIN_AFTER);
    Endpoint::builder("github", catalogue::provider("github")?).resolve(secrets).build()
}
