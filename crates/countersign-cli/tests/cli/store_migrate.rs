//! `countersign store STORE migrate`: versions, tables that are missing, and rights.

use std::path::Path;

use serde_json::json;

use crate::store_command::{Folder, Schema, field, line, only, show, words};

#[tokio::test(flavor = "multi_thread")]
async fn a_table_of_the_first_version_is_brought_forward() {
    let schema = Schema::new().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stores/sql/versions");
    let first = std::fs::read_to_string(path.join("v1-postgres.sql")).unwrap();
    schema.run(format!("SET search_path TO {}; {first}", schema.name)).await;
    let store = schema.store.clone();
    tokio::task::spawn_blocking(move || {
        let due = only(&store, &["migrate", "--check"], "", 1);
        let older = json!({"schema": "older", "version": 1, "current": 3, "migrated": false, "missing_rights": null});
        assert_eq!(due, older);
        assert!(words(&store, &["migrate", "--check"], 1).contains("schema version 1"));
        assert_eq!(show(&store, &"1".repeat(32)), "handled");
        assert_eq!(*field(&line(&store, &["migrate"]), "migrated"), true);
        assert_eq!(*field(&line(&store, &["migrate"]), "migrated"), false);
        assert!(words(&store, &["migrate", "--check"], 0).contains("nothing to do"));
        assert_eq!(line(&store, &["purge"]), json!({"dropped": 1}));
        assert_eq!(show(&store, &"1".repeat(32)), "handled");
    })
    .await
    .unwrap();
    schema.run(format!("DROP TABLE {}.countersign_attempts", schema.name)).await;
    let store = schema.store.clone();
    tokio::task::spawn_blocking(move || {
        let due = only(&store, &["migrate", "--check"], "", 1);
        let incomplete =
            json!({"schema": "incomplete", "version": 3, "current": 3, "migrated": false, "missing_rights": null});
        assert_eq!(due, incomplete);
        assert!(words(&store, &["migrate", "--check"], 1).contains("_attempts"));
        assert!(words(&store, &["migrate"], 0).contains("(_attempts) was made"));
        assert!(words(&store, &["migrate", "--check"], 0).contains("nothing to do"));
        assert_eq!(show(&store, &"1".repeat(32)), "handled");
    })
    .await
    .unwrap();
    let newer = "countersign schema 9, for programs from schema 8";
    schema.run(format!("COMMENT ON TABLE {}.countersign IS '{newer}'", schema.name)).await;
    let store = schema.store.clone();
    tokio::task::spawn_blocking(move || {
        for args in [&["migrate"][..], &["migrate", "--check"], &["stats"], &["purge"]] {
            let said = words(&store, args, 2);
            assert!(said.contains("version 8 or later; this program is too old"), "{said}");
        }
    })
    .await
    .unwrap();
    schema.drop().await;
}

#[test]
fn a_migration_makes_the_file_and_no_other_command_does() {
    let folder = Folder::new();
    words(&folder.store(), &["migrate", "--check"], 2);
    assert!(!folder.file().exists());
    let made = json!({"schema": "missing", "version": null, "current": 3, "migrated": true, "missing_rights": null});
    assert_eq!(line(&folder.store(), &["migrate"]), made);
    let counted = json!({"in_flight": 0, "handled": 0, "parked": 0, "released": 0, "expired": 0});
    assert_eq!(line(&folder.store(), &["stats"]), counted);
    // Another table of the same file.
    let table = ["--table", "mine"];
    assert_eq!(words(&folder.store(), &[&["stats"], &table[..]].concat(), 2).lines().count(), 1);
    words(&folder.store(), &[&["migrate"], &table[..]].concat(), 0);
    words(&folder.store(), &[&["stats"], &table[..]].concat(), 0);
}

/// As after a migration whose owner has given no rights to what it made.
#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_given_as_a_statement() {
    let schema = Schema::new().await;
    let name = schema.name.clone();
    let role = format!("{name}_receiver");
    let (owners, receivers) =
        (schema.store.clone(), format!("{}&options[role]={role}", schema.store));
    let migrate = owners.clone();
    tokio::task::spawn_blocking(move || words(&migrate, &["migrate"], 0)).await.unwrap();
    schema
        .run(format!(
            "CREATE ROLE {role}; GRANT USAGE ON SCHEMA {name} TO {role}; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.countersign TO {role}"
        ))
        .await;
    let check = ["migrate", "--check"];
    let store = receivers.clone();
    let (lacks, said) = tokio::task::spawn_blocking(move || {
        (only(&store, &check, "", 1), words(&store, &check, 1))
    })
    .await
    .unwrap();
    let grant = field(&lacks, "missing_rights").as_str().unwrap().to_owned();
    assert!(grant.starts_with("GRANT ") && grant.contains("_watermarks"), "{grant}");
    assert!(said.contains(&format!("this role lacks rights; as the tables' owner, run: {grant};")));
    schema.run(grant).await;
    let said = tokio::task::spawn_blocking(move || {
        words(&owners, &check, 0);
        words(&receivers, &check, 0)
    })
    .await
    .unwrap();
    schema.run(format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    schema.drop().await;
    assert!(said.contains("nothing to do"), "{said}");
}
