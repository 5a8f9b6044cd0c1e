//! Every row of the catalogue against a slow and simple verifier that was written from the facts about
//! the providers alone: `tests/reference`. `fuzz/targets/differential.rs` goes on where this stops.

use std::collections::BTreeSet;

use countersign::catalogue;

use crate::reference::engine::Row;
use crate::reference::facts::Facts;
use crate::reference::verify::{Request, judge};
use crate::sdk_vectors::{all, has_a_row};
use crate::support::from_base64;

/// The providers with typed events, which are not in the data set; `core/providers` tests them.
const TYPED: &[&str] =
    &["hostwares", "pakyas", "percher", "pingara", "pingara-basic", "pingara-bearer", "piora"];

#[test]
fn the_reference_knows_the_rows() {
    let facts: BTreeSet<_> = Facts::all().iter().map(|facts| facts.id.as_str()).collect();
    let rows: BTreeSet<_> = catalogue::all().map(|preset| preset.id()).collect();
    assert!(facts.is_subset(&rows), "without a row: {:?}", facts.difference(&rows));
    // A new row is one edit, and its facts may follow.
    let unknown = rows.difference(&facts).filter(|id| !TYPED.contains(id));
    println!("not in tests/reference/providers.json: {:?}", unknown.collect::<Vec<_>>());
    assert!(facts.len() >= 178, "{}", facts.len());
}

#[test]
fn the_reference_judges_as_the_sdks_did() {
    let mut wrong = Vec::new();
    for vector in all().iter().filter(|vector| has_a_row(vector)) {
        let text = |field: &str| vector[field].as_str().unwrap();
        let facts = Facts::all().iter().find(|facts| facts.id == text("provider")).unwrap();
        let url = text("url");
        let (origin, target) = url.split_at(url.match_indices('/').nth(2).unwrap().0);
        let request = Request {
            method: text("method").to_owned(),
            origin: origin.to_owned(),
            target: target.to_owned(),
            headers: serde_json::from_value(vector["headers"].clone()).unwrap(),
            body: from_base64(text("body_b64")),
        };
        let now = vector["now"].as_i64().unwrap() * 1_000;
        let verdict = judge(facts, &request, &[text("secret").to_owned()], now);
        if verdict.is_ok() != (text("expect") == "valid") {
            wrong.push(format!("{}: {verdict:?}", text("id")));
        }
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

#[test]
fn countersign_and_the_reference_agree() {
    let mut wrong = Vec::new();
    for row in Row::all() {
        let facts = row.facts();
        // A public key costs a hundred times what a MAC costs.
        let cases = if facts.has_public_key() { 30 } else { 300 };
        let verdicts: Result<Vec<bool>, String> =
            (0..cases).map(|case| row.try_one(&bytes(&facts.id, case))).collect();
        match verdicts {
            Err(disagreement) => wrong.push(disagreement),
            Ok(verdicts) => {
                let accepted = verdicts.iter().filter(|accepted| **accepted).count();
                let some = verdicts.len() / 10;
                let both = accepted >= some && verdicts.len() - accepted >= some;
                assert!(both, "{}: {accepted} of {cases} accepted", facts.id);
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows disagree:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Bytes that are the same in every run: xorshift64*, seeded with the row and the number.
fn bytes(row: &str, case: u32) -> [u8; 96] {
    let seed = row.bytes().chain(case.to_le_bytes());
    // FNV-1a.
    let mut state = seed.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    std::array::from_fn(|_| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
    })
}
