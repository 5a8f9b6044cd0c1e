//! A second opinion on every row of the catalogue: a slow and simple verifier, written from the facts
//! about the providers alone, which knows nothing of how countersign does it; a signer of the same
//! kind; and deliveries made of bytes, genuine ones and ones with changes. Where the two verifiers
//! disagree, one of them is wrong.
//!
//! `tests/core/differential.rs` tries a number of deliveries for every row, and the fuzz target
//! `differential` tries others for as long as it is let.
//!
//! `providers.json` is an extract of the data set of 24 November 2026 from which the catalogue was
//! made: where the signature is and how it is written, what it covers, the time and its window, for
//! every provider that has a row. The fields mean what they mean in [`facts::Facts`].

pub mod changes;
pub mod choice;
pub mod content;
pub mod deliveries;
pub mod engine;
pub mod facts;
pub mod keys;
pub mod time;
pub mod verify;
