//! What a role may do that owns no table: all that a receiver needs with the rights of the page "Running
//! several", and what it always could where the owner has forgotten the tables beside the store's own.

use countersign::{Attempt, Claimed, Forgotten, ParkedNote, Settled, Store, StoreErrorKind};
use countersign_sqlx::{PostgresStore, SchemaState};
use sqlx::{AssertSqlSafe, PgPool};

use super::{DAY, LEASE, Schema, failure, look, new_key, token};

const PAGE: &str = include_str!("../../../docs/running-several.md");

/// The page's statements, for this role and in this schema.
fn of_the_page(role: &str, schema: &str) -> String {
    let (_, rest) = PAGE.split_once("```sql\n").unwrap();
    let (sql, _) = rest.split_once("```").unwrap();
    sql.replace("SCHEMA app", &format!("SCHEMA {schema}"))
        .replace(" app.", &format!(" {schema}."))
        .replace("TO receiver", &format!("TO {role}"))
}

/// A role that owns nothing; it goes with [`end`](Self::end).
struct Role {
    schema: Schema,
    owners: PgPool,
    pool: PgPool,
    name: String,
}

impl Role {
    async fn with(rights: impl Fn(&str, &str) -> String) -> (Self, PostgresStore) {
        let (schema, _, owners) = Schema::migrated().await;
        let name = format!("{}_receiver", schema.name);
        let rights = format!("CREATE ROLE {name}; {}", rights(&name, &schema.name));
        sqlx::raw_sql(AssertSqlSafe(rights)).execute(&owners).await.unwrap();
        let options = [("role", &*name), ("search_path", &*schema.name)];
        let pool = schema.pool_with(2, |with| with.options(options));
        let store = schema.store(&pool);
        (Self { schema, owners, pool, name }, store)
    }

    async fn end(self) {
        self.pool.close().await;
        let end = format!("DROP OWNED BY {0}; DROP ROLE {0}", self.name);
        sqlx::raw_sql(AssertSqlSafe(end)).execute(&self.owners).await.unwrap();
        drop(self.schema);
    }
}

#[tokio::test]
async fn the_rights_of_the_page_are_enough() {
    let (role, store) = Role::with(of_the_page).await;
    let work = async {
        assert_eq!(store.schema().await?, SchemaState::Current);
        assert_eq!(store.missing_rights().await?, None);
        store.migrate().await?;
        let (key, owner) = (new_key(), token());
        assert_eq!(store.claim(key, owner, LEASE).await?, Claimed::Fresh);
        assert!(matches!(
            store.attempt(key, owner, DAY).await?,
            Attempt::Counted { number: 1, .. }
        ));
        let note = ParkedNote::new("shop", "no such customer");
        assert_eq!(store.park(key, owner, DAY, &note).await?, Settled::Settled);
        assert_eq!(store.parked(10).await?.len(), 1);
        assert!(store.parked_event(key).await?.is_some());
        assert_eq!(store.stats().await?.parked, 1);
        assert_eq!(store.forget(key).await?, Forgotten::Forgotten);
        assert_eq!(look(&store, key).await, Claimed::Fresh);
        store.purge(100).await
    };
    let worked = work.await;
    let watermarks = "INSERT INTO countersign_watermarks VALUES \
        (gen_random_uuid(), '', gen_random_uuid(), now()) \
        ON CONFLICT (entity) DO UPDATE SET version = excluded.version RETURNING version";
    let watermarks = sqlx::raw_sql(watermarks).execute(&role.pool).await;
    role.end().await;
    worked.unwrap();
    watermarks.unwrap();
}

/// As after a migration whose owner has given no rights to what it made.
#[tokio::test]
async fn without_rights_to_the_tables_beside_it_events_are_handled_as_ever() {
    let (role, store) = Role::with(|role, schema| {
        format!(
            "GRANT USAGE ON SCHEMA {schema} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON countersign TO {role}"
        )
    })
    .await;
    let (key, owner) = (new_key(), token());
    let claimed = store.claim(key, owner, LEASE).await;
    let counted = store.attempt(key, owner, DAY).await;
    // Nothing was counted, so there is nothing to take back, and nothing to try again.
    store.uncount(key, owner).await.unwrap();
    let completed = store.complete(key, owner, DAY).await;
    let purged = store.purge(100).await;
    let missing = store.missing_rights().await;
    let refused =
        [failure(counted), failure(store.forget(key).await), failure(store.stats().await)];
    let (schema, name) = (role.schema.name.clone(), role.name.clone());
    // What it says is enough.
    let missing = missing.unwrap().unwrap();
    sqlx::raw_sql(AssertSqlSafe(missing.clone())).execute(&role.owners).await.unwrap();
    let then = store.missing_rights().await;
    role.end().await;
    assert_eq!(then.unwrap(), None);
    let tables = format!("{schema}.countersign_attempts, {schema}.countersign_watermarks");
    assert_eq!(missing, format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {name}"));
    assert_eq!((claimed.unwrap(), completed.unwrap()), (Claimed::Fresh, Settled::Settled));
    purged.unwrap();
    for (kind, text) in refused {
        assert_eq!(kind, StoreErrorKind::Unavailable);
        assert!(text.contains("permission denied for table countersign_attempts"), "{text}");
    }
}
