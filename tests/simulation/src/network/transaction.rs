//! A transaction of a handler's own, as its process sees it.

use std::time::Duration;

use countersign::{ClaimToken, EventKey, Fenced, InTransaction, StoreError, StoreErrorKind};

use super::{Client, answer, go_on, store};
use crate::executor::{MILLI, Micros, Process, after, choose, machine, now};
use crate::model::{Effect, Model, Order};

/// A transaction on a connection of its own, whose messages arrive in order.
pub struct Transaction {
    client: Client,
    number: u64,
    not_before: Micros,
    over: bool,
}

/// The connection broke: whether the transaction was committed is not known.
#[derive(Debug)]
pub struct Broken;

impl Transaction {
    pub fn begin(process: Process) -> Self {
        let number = store(|store| store.model.begin());
        let client = Client { process, start: machine(process).start };
        Self { client, number, not_before: 0, over: false }
    }

    /// `complete_in`, and the effect with it.
    pub async fn complete(
        &mut self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
        effect: Effect,
    ) -> Result<InTransaction, StoreError> {
        let number = self.number;
        let carry_out = move |model: &mut Model| {
            model.complete_in(now(), number, (key, token), retention, effect)
        };
        self.ask("complete_in", key, carry_out).await
    }

    /// `newest_in`.
    pub async fn newest(
        &mut self,
        key: EventKey,
        token: ClaimToken,
        entity: EventKey,
        version: u32,
    ) -> Result<Fenced<Order>, StoreError> {
        let number = self.number;
        let carry_out = move |model: &mut Model| {
            model.newest_in(now(), number, (key, token), (entity, version))
        };
        self.ask("newest_in", entity, carry_out).await
    }

    /// Asks something that waits for whoever has locked a row.
    async fn ask<T: Send + 'static>(
        &mut self,
        name: &'static str,
        row: EventKey,
        carry_out: impl Fn(&mut Model) -> Option<Result<T, ()>> + 'static,
    ) -> Result<T, StoreError> {
        let call = self.client.call(name, self.not_before, |_| false, carry_out, Some(row));
        let answered = answer(call).await;
        self.not_before = now();
        answered
            .and_then(Result::ok)
            .ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable, "the connection broke"))
    }

    pub async fn commit(mut self) -> Result<(), Broken> {
        let number = self.number;
        let carry_out = move |model: &mut Model| Some(model.commit(number));
        let call = self.client.call("commit", self.not_before, |_| false, carry_out, None);
        let committed = answer(call).await.unwrap_or(false);
        // What the server has not committed by the time it sees the connection gone it rolls back.
        self.over = committed;
        if committed { Ok(()) } else { Err(Broken) }
    }
}

/// A transaction that is dropped is rolled back, once the server hears of it.
impl Drop for Transaction {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let number = self.number;
        // No message is lost for ever here: the server sees that the connection is gone.
        let wait = crate::executor::in_a_world().then(|| choose(|tape| tape.below(3_000)));
        if let Some(wait) = wait {
            after(MILLI + Micros::from(wait) * MILLI, move || {
                store(|store| store.model.roll_back(number));
                go_on();
            });
        }
    }
}
