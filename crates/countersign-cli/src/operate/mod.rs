//! `countersign store`: what operators do with the store.

mod args;
mod database;
mod keys;
mod print;

use std::io::{BufReader, stdin};
use std::process::ExitCode;

use countersign::Forgotten;
use countersign_sqlx::SchemaState;

pub(crate) use args::StoreArgs;
use args::StoreCommand;
use database::Database;

/// An answer that asks for something to be done.
const NOT_ALL: u8 = 1;

/// An error is a sentence, for which the exit code is 2.
pub(crate) fn run(args: &StoreArgs) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(command(args))
}

async fn command(args: &StoreArgs) -> Result<ExitCode, String> {
    match &args.command {
        StoreCommand::Stats => {
            let stats = database::open(args).await?.stats().await?;
            print::line(&print::stats(stats, args.json))?;
        }
        StoreCommand::Show { key } => {
            // What is wrong with the key is said before the store is asked.
            let key = keys::one(key)?;
            let database = database::open(args).await?;
            let (state, parked) = (database.state(key).await?, database.parked_event(key).await?);
            print::line(&print::state(key, state, parked.as_ref(), args.json))?;
        }
        StoreCommand::Parked { limit } => {
            let parked = database::open(args).await?.parked(limit.get()).await?;
            for parked in &parked {
                print::line(&print::parked(parked, args.json))?;
            }
            let is_all = u32::try_from(parked.len()).is_ok_and(|listed| listed < limit.get());
            match (args.json, is_all) {
                (false, true) if parked.is_empty() => print::line("no event is parked")?,
                (false, false) => print::line(&print::there_may_be_more(*limit))?,
                _ => {}
            }
        }
        StoreCommand::Forget { keys, endpoint } => {
            let keys = keys::all(keys, BufReader::new(stdin()), endpoint.as_deref())?;
            return forget(&database::open(args).await?, &keys, args.json).await;
        }
        StoreCommand::Purge => {
            let dropped = database::open(args).await?.purge().await?;
            print::line(&print::purged(dropped, args.json))?;
        }
        StoreCommand::Migrate { check } => {
            return migrate(&database::open(args).await?, *check, args.json).await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn forget(
    database: &Database,
    keys: &[countersign::EventKey],
    as_json: bool,
) -> Result<ExitCode, String> {
    let (mut some, mut all) = (false, true);
    for key in keys {
        let forgotten = database.forget(*key).await?;
        some |= forgotten == Forgotten::Forgotten;
        all &= !matches!(forgotten, Forgotten::InFlight { .. });
        print::line(&print::forgotten(*key, forgotten, as_json))?;
    }
    if some && !as_json {
        print::line(print::WHAT_NEXT)?;
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALL) })
}

async fn migrate(database: &Database, check: bool, as_json: bool) -> Result<ExitCode, String> {
    let before = database.schema().await?;
    if let Some(too_new @ SchemaState::TooNew { .. }) = before {
        return Err(format!("STORE: {too_new}"));
    }
    let due = before.is_some_and(|state| state.needs_migration());
    if check {
        let rights = database.missing_rights().await?;
        print::line(&print::schema(before, false, rights.as_deref(), as_json))?;
        let is_ready = !due && rights.is_none();
        return Ok(if is_ready { ExitCode::SUCCESS } else { ExitCode::from(NOT_ALL) });
    }
    database.migrate().await?;
    // A role that does not own the table leaves an older one as it is.
    let after = database.schema().await?;
    let done = due && after.is_some_and(|state| !state.needs_migration());
    let (state, rights) = (if done { before } else { after }, database.missing_rights().await?);
    print::line(&print::schema(state, done, rights.as_deref(), as_json))?;
    Ok(ExitCode::SUCCESS)
}
