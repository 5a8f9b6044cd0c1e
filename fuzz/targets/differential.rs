//! Every row of the catalogue against a slow and simple verifier that was written from the facts about
//! the providers alone: deliveries as they are sent, and with changes. The two verdicts are the same.
#![no_main]

use std::sync::LazyLock;

use countersign_fuzz::reference::engine::Row;
use libfuzzer_sys::fuzz_target;

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| Row::all().collect());

fuzz_target!(|bytes: &[u8]| {
    let [row, bytes @ ..] = bytes else { return };
    let row = &ROWS[usize::from(*row) % ROWS.len()];
    if let Err(disagreement) = row.try_one(bytes) {
        panic!("{disagreement}");
    }
});
