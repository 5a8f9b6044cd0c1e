//! Beside a line for people that says that a delivery is refused: a second one, why.
//!
//! A thread of its own finds it out, one after the other. Whoever floods the listener with forgeries gets
//! no more of the processor than that: what it cannot follow is dropped.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Output;
use super::people::{self, Look};
use crate::listen::Current;
use crate::record::{Recording, Verdict};
use crate::why::Question;

/// How many may wait.
const WAITING: usize = 16;

/// The same reason at the same endpoint is explained not more often than this.
const EVERY: Duration = Duration::from_secs(1);

/// A larger body, in bytes, takes long to be looked through, and others would wait: `countersign verify` and
/// the inspector look at it when they are asked.
const LARGEST: usize = 64 * 1024;

/// Longer than any diagnosis that a person would wait for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Says why deliveries are refused. Clones are the same.
#[derive(Clone)]
pub(crate) struct Explainer(SyncSender<(Arc<Current>, Recording)>);

impl Explainer {
    /// Starts the thread.
    pub(crate) fn start(output: Output, look: Look) -> io::Result<Self> {
        let (offers, offered) = sync_channel(WAITING);
        thread::Builder::new()
            .name("explainer".to_owned())
            .spawn(move || explain(&offered, &output, look))?;
        Ok(Self(offers))
    }

    /// A delivery that is over. Nothing waits for this.
    pub(crate) fn offer(&self, current: &Arc<Current>, recording: &Recording) {
        if recording.verdict() == Verdict::Rejected {
            let _ = self.0.try_send((Arc::clone(current), recording.clone()));
        }
    }
}

fn explain(offered: &Receiver<(Arc<Current>, Recording)>, output: &Output, look: Look) {
    // By endpoint and reason. Both are few.
    let mut said: HashMap<(Option<Arc<str>>, Option<&'static str>), Instant> = HashMap::new();
    for (current, recording) in offered {
        let record = recording.whole();
        let what = (record.endpoint.clone(), record.reason);
        let is_said = said.get(&what).is_some_and(|said| said.elapsed() < EVERY);
        if is_said || record.body.len() > LARGEST {
            continue;
        }
        let began = Instant::now();
        let Ok(question) = Question::of(&current, &record) else { continue };
        let diagnosis = question.answer();
        if let Some(line) = people::why(&record, &diagnosis, look) {
            said.insert(what, Instant::now());
            output.queue(line.into_bytes());
        }
        // Half of the time is for others.
        thread::sleep(began.elapsed().min(LONGEST_PAUSE));
    }
}
