//! Why a delivery was refused, for the page. One is found out at a time, and remembered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign::diagnosis::{Diagnosis, Difference};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::App;
use super::api::mount;
use super::history::Entry;
use super::problem::Problem;
use super::redact;
use crate::listen::Current;
use crate::record::Verdict;
use crate::why::Question;

/// How many answers are remembered.
const MOST: usize = 256;

/// The answers that were given.
#[derive(Debug)]
pub(super) struct Answers {
    turn: Semaphore,
    known: Mutex<HashMap<u64, Known>>,
}

#[derive(Debug)]
struct Known {
    /// The endpoint at that time: with other secrets, the answer may be another.
    of: Arc<Current>,
    size: usize,
    answer: Value,
}

impl Default for Answers {
    fn default() -> Self {
        Self { turn: Semaphore::new(1), known: Mutex::default() }
    }
}

impl Answers {
    /// The answer for a delivery.
    pub(super) async fn answer(&self, app: &App, entry: &Entry) -> Result<Value, Problem> {
        let record = &entry.record;
        let not_proven = matches!(record.verdict, Verdict::Rejected | Verdict::NotFound);
        if !not_proven && record.facts.is_some() {
            return Ok(json!({ "genuine": true, "causes": [], "difference": null }));
        }
        let mount = mount(app, entry).ok_or_else(|| {
            Problem::conflict("No endpoint has this path, so nothing was verified.")
        })?;
        let current = mount.current();
        if entry.restored && current.endpoint.secret_headers().next().is_some() {
            return Err(Problem::conflict(
                "The token that was sent is not in the inspector's file, so nothing can be said about it.",
            ));
        }
        if let Some(answer) = self.known(entry, &current) {
            return Ok(answer);
        }
        let question = Question::of(&current, record).map_err(Problem::conflict)?;
        let gone = || Problem::cannot("The reason could not be found out.");
        let turn = self.turn.acquire().await.map_err(|_| gone())?;
        // Somebody before may have asked the same.
        if let Some(answer) = self.known(entry, &current) {
            return Ok(answer);
        }
        let diagnosis = tokio::task::spawn_blocking(move || question.answer());
        let answer = written(&diagnosis.await.map_err(|_| gone())?);
        drop(turn);
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        let size = record.body.len();
        known.insert(record.number, Known { of: current, size, answer: answer.clone() });
        Ok(answer)
    }

    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn known(&self, entry: &Entry, current: &Arc<Current>) -> Option<Value> {
        let known = self.lock();
        let known = known.get(&entry.record.number)?;
        let is_same = Arc::ptr_eq(&known.of, current) && known.size == entry.record.body.len();
        is_same.then(|| known.answer.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(diagnosis: &Diagnosis) -> Value {
    let causes = diagnosis.findings().iter().map(|finding| {
        json!({
            "cause": finding.cause().code(),
            "says": finding.says(),
            "remedy": finding.remedy(),
        })
    });
    json!({
        "genuine": diagnosis.is_genuine(),
        "causes": causes.collect::<Vec<_>>(),
        "difference": diagnosis.difference().map(difference),
    })
}

/// The two texts with the place of the first character that differs, counted in characters.
fn difference(difference: &Difference) -> Value {
    let before = difference.received.get(..difference.before).unwrap_or_default();
    json!({
        "at": difference.at,
        "received": shown(&difference.received),
        "signed": shown(&difference.signed),
        "mark": shown(before).chars().count(),
    })
}

/// What cannot be seen is an escape, so that a line end is seen to be one.
fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for character in redact::escaped(bytes).chars() {
        match character {
            character if character.is_control() || character == '\u{feff}' => {
                out.extend(character.escape_default());
            }
            character => out.push(character),
        }
    }
    out
}
