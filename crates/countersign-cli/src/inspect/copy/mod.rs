//! A delivery as something to take away: a command, a test, a capture. No token is in any of them.

mod capture;
mod curl;
mod rust;

use super::App;
use super::api::mount;
use super::history::Entry;
use super::problem::Problem;

/// What a delivery is copied as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A curl command that sends it as it was received.
    Curl,
    /// A test of a handler.
    Rust,
    /// What `countersign verify --request` reads.
    Verify,
}

/// The copy.
pub(super) fn of(app: &App, entry: &Entry, form: Form) -> Result<Vec<u8>, Problem> {
    let record = &entry.record;
    if !record.body_is_complete {
        return Err(Problem::conflict(
            "Its body did not arrive completely, so there is no copy of it.",
        ));
    }
    let current = mount(app, entry).map(|mount| mount.current());
    match form {
        Form::Curl => curl::command(app, record, current.as_deref()).map(String::into_bytes),
        Form::Rust => {
            let current = current.ok_or_else(|| {
                Problem::conflict(
                    "No endpoint has this path, so there is no provider to test with.",
                )
            })?;
            rust::test(record, &current).map(String::into_bytes)
        }
        Form::Verify => capture::capture(app, record, current.as_deref()),
    }
}

/// Headers that belong to a connection.
fn is_of_connection(name: &str) -> bool {
    const NAMES: [&str; 7] =
        ["host", "content-length", "connection", "transfer-encoding", "expect", "keep-alive", "te"];
    NAMES.contains(&name)
}
