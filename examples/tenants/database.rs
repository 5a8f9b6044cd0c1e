//! The table of secrets, in a schema of this run's own.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

const TABLE: &str = "
    CREATE TABLE github_secrets (
        tenant text NOT NULL,
        secret text NOT NULL,
        label text NOT NULL,
        valid_from timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (tenant, valid_from)
    )
";

pub(crate) struct Database {
    pool: PgPool,
    schema: String,
}

impl Database {
    /// In the Postgres at `DATABASE_URL`.
    pub(crate) async fn create() -> Result<Self, Failure> {
        let url = std::env::var("DATABASE_URL")
            .map_err(|_| "DATABASE_URL is not set: this example needs a Postgres")?;
        let schema = format!("countersign_tenants_{}", std::process::id());
        let options = PgConnectOptions::from_str(&url)?.options([("search_path", &*schema)]);
        let pool = PgPoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&pool).await?;
        sqlx::raw_sql(TABLE).execute(&pool).await?;
        Ok(Self { pool, schema })
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Gives a tenant a new secret. The one before it stays valid, as the resolver reads both.
    pub(crate) async fn add(&self, tenant: &str, secret: &str, label: &str) -> Result<(), Failure> {
        sqlx::query("INSERT INTO github_secrets (tenant, secret, label) VALUES ($1, $2, $3)")
            .bind(tenant)
            .bind(secret)
            .bind(label)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Takes a secret away.
    pub(crate) async fn remove_secret(&self, tenant: &str, label: &str) -> Result<(), Failure> {
        sqlx::query("DELETE FROM github_secrets WHERE tenant = $1 AND label = $2")
            .bind(tenant)
            .bind(label)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    pub(crate) async fn remove(self) -> Result<(), Failure> {
        let drop = format!(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE",
            self.schema
        );
        sqlx::raw_sql(AssertSqlSafe(drop)).execute(&self.pool).await?;
        Ok(())
    }
}
