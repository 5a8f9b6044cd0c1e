//! The store as a process sees it: calls that take their time, get lost, come twice or in another
//! order, and answers that do.

mod transaction;

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use countersign::{
    Attempt, ClaimToken, Claimed, EventKey, Forgotten, Parked, ParkedNote, Settled, Store,
    StoreError, StoreErrorKind, Transactional,
};

pub use self::transaction::Transaction;
use crate::executor::{MILLI, Micros, Process, SECOND, after, at, choose, now, wait};
use crate::model::Model;
use crate::world::{World, say};

/// A client of the one store, in a process.
#[derive(Clone)]
pub struct Client {
    pub process: Process,
    pub start: u32,
}

/// What `complete_with` finds: the same client.
pub struct Database(pub Client);

/// A call's answer, when it is there.
struct Slot<T> {
    answer: Option<Result<T, ()>>,
    waker: Option<Waker>,
    /// Whether one copy was refused, which no later one may contradict.
    refused: bool,
}

/// How a message travels.
struct Fate {
    there: Option<Micros>,
    again: Option<Micros>,
    back: Option<Micros>,
    fails: bool,
}

thread_local! {
    pub static STORE: RefCell<Shared> = RefCell::default();
}

/// The store, and what is wrong with it and the network now.
#[derive(Default)]
pub struct Shared {
    pub model: Model,
    pub away_until: Micros,
    /// Until when it carries out what it is asked and answers nothing.
    pub mute_until: Micros,
    /// Messages in so many of 64 go wrong.
    pub trouble: u32,
    /// Until when most of them do.
    pub storm_until: Micros,
    /// When each process called last.
    pub called: HashMap<Process, Micros>,
}

pub fn store<T>(look: impl FnOnce(&mut Shared) -> T) -> T {
    STORE.with(|store| look(&mut store.borrow_mut()))
}

fn fate() -> Fate {
    let trouble = store(|store| match store.storm_until > now() {
        true => store.trouble.max(40),
        false => store.trouble,
    });
    choose(|tape| {
        let quick = |tape: &mut crate::tape::Tape| MILLI / 4 + Micros::from(tape.below(2_000));
        let (there, back) = (quick(tape), quick(tape));
        let mut fate = Fate { there: Some(there), again: None, back: Some(back), fails: false };
        // Slow, but in time: just below what the core waits for. That is no fault.
        if tape.chance(1, 32) {
            let there = tape.below(1_900);
            fate.there = Some(Micros::from(there) * MILLI);
            fate.back = Some(Micros::from(tape.below(1_950 - there)) * MILLI);
        }
        if trouble > 0 && tape.chance(trouble, 64) {
            let slow = |tape: &mut crate::tape::Tape| Micros::from(tape.below(6_000)) * MILLI;
            match tape.below(6) {
                0 => fate.fails = true,
                1 => fate.there = Some(slow(tape)),
                2 => fate.back = Some(slow(tape)),
                3 => fate.there = None,
                4 => fate.back = None,
                _ => fate.again = Some(slow(tape)),
            }
        }
        fate
    })
}

impl Client {
    /// Sends a call; it arrives whatever becomes of the future that waits for its answer.
    fn call<T: Send + 'static>(
        &self,
        name: &'static str,
        not_before: Micros,
        is_refusal: fn(&T) -> bool,
        carry_out: impl Fn(&mut Model) -> Option<T> + 'static,
        waits_for: Option<EventKey>,
    ) -> Answered<T> {
        let slot = Arc::new(Mutex::new(Slot { answer: None, waker: None, refused: false }));
        let fate = fate();
        World::cover(name, fate.summary());
        store(|store| store.called.insert(self.process, now()));
        let carry_out = Rc::new(carry_out);
        let start = now().max(not_before);
        if fate.fails {
            answer_at(start + MILLI, Arc::clone(&slot), Err(()));
        } else {
            for (wait, back) in [(fate.there, fate.back), (fate.again, None)] {
                let Some(wait) = wait else { continue };
                let arrival =
                    Arrival { name, slot: Arc::clone(&slot), back, is_refusal, waits_for };
                let carry_out = Rc::clone(&carry_out);
                let process = self.process;
                at(start + wait, move || arrival.arrive(process, &carry_out));
            }
        }
        Answered(slot)
    }
}

/// The wait for an answer.
struct Answered<T>(Arc<Mutex<Slot<T>>>);

impl<T> Future for Answered<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.0.lock().unwrap_or_else(|poison| poison.into_inner());
        match slot.answer.take() {
            Some(Ok(answer)) => Poll::Ready(Ok(answer)),
            Some(Err(())) => {
                let what = "the store cannot be reached";
                Poll::Ready(Err(StoreError::new(StoreErrorKind::Unavailable, what)))
            }
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// How long anybody but the core waits for an answer.
const PATIENCE: Micros = 5 * SECOND;

/// The answer, unless the connection turns out to be dead.
pub async fn answer<T>(call: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    let (mut call, mut give_up) = (pin!(call), pin!(wait(PATIENCE)));
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(answer.ok()),
        Poll::Pending => give_up.as_mut().poll(cx).map(|()| None),
    })
    .await
}

impl Fate {
    fn summary(&self) -> &'static str {
        match (self.fails, self.there, self.again, self.back) {
            (true, ..) => "fails",
            (_, None, ..) => "lost",
            (_, _, Some(_), _) => "twice",
            (_, _, _, None) => "answer lost",
            (_, Some(there), _, _) if there > 50 * MILLI => "late",
            (_, _, _, Some(back)) if back > 50 * MILLI => "answer late",
            _ => "",
        }
    }
}

struct Arrival<T> {
    name: &'static str,
    slot: Arc<Mutex<Slot<T>>>,
    back: Option<Micros>,
    is_refusal: fn(&T) -> bool,
    waits_for: Option<EventKey>,
}

impl<T: Send + 'static> Arrival<T> {
    fn arrive(self, process: Process, carry_out: &Rc<impl Fn(&mut Model) -> Option<T> + 'static>) {
        // A store that repeats a call by itself lets no copy act after it has refused.
        let refused = self.slot.lock().unwrap_or_else(|poison| poison.into_inner()).refused;
        if refused {
            return;
        }
        if store(|store| store.away_until) > now() {
            say(|| format!("store is away: {} of process {process} is lost", self.name));
            return;
        }
        let answer = store(|store| carry_out(&mut store.model));
        if answer.is_none()
            && let Some(key) = self.waits_for
        {
            let carry_out = Rc::clone(carry_out);
            let again: Box<dyn FnOnce()> = Box::new(move || self.arrive(process, &carry_out));
            store(|store| store.model.waiting.push((key, again)));
            return;
        }
        say(|| format!("store carries out {} of process {process}", self.name));
        go_on();
        let answer = answer.ok_or(());
        if answer.as_ref().is_ok_and(self.is_refusal) {
            self.slot.lock().unwrap_or_else(|poison| poison.into_inner()).refused = true;
        }
        if let Some(back) = self.back
            && store(|store| store.mute_until) <= now()
        {
            answer_at(now() + back, self.slot, answer);
        }
    }
}

/// Lets calls go on that waited for a lock that is gone.
fn go_on() {
    for ready in store(|store| store.model.take_ready()) {
        after(MILLI / 10, ready);
    }
}

fn answer_at<T: Send + 'static>(time: Micros, slot: Arc<Mutex<Slot<T>>>, answer: Result<T, ()>) {
    at(time, move || {
        let mut slot = slot.lock().unwrap_or_else(|poison| poison.into_inner());
        slot.answer = Some(answer);
        let waker = slot.waker.take();
        drop(slot);
        if let Some(waker) = waker {
            waker.wake();
        }
    });
}

impl Store for Client {
    async fn claim(
        &self,
        key: EventKey,
        token: ClaimToken,
        lease: Duration,
    ) -> Result<Claimed, StoreError> {
        let owner = (self.process, self.start);
        let carry_out = move |model: &mut Model| Some(model.claim(now(), owner, key, token, lease));
        self.call("claim", 0, |claimed| *claimed != Claimed::Fresh, carry_out, None).await
    }

    async fn complete(
        &self,
        key: EventKey,
        token: ClaimToken,
        retention: Duration,
    ) -> Result<Settled, StoreError> {
        let carry_out = move |model: &mut Model| model.complete(now(), key, token, retention);
        self.call("complete", 0, |_| false, carry_out, None).await
    }

    async fn release(&self, key: EventKey, token: ClaimToken) -> Result<Settled, StoreError> {
        let carry_out = move |model: &mut Model| model.release(now(), key, token);
        self.call("release", 0, |_| false, carry_out, None).await
    }

    async fn is_completed(&self, key: EventKey, token: ClaimToken) -> Result<bool, StoreError> {
        let carry_out = move |model: &mut Model| Some(model.is_completed(now(), key, token));
        self.call("check", 0, |_| false, carry_out, None).await
    }

    async fn forget(&self, key: EventKey) -> Result<Forgotten, StoreError> {
        let look = move |model: &mut Model| Some(model.handled_by(now(), key));
        let handled_by = self.call("look", 0, |_| false, look, None).await?;
        let carry_out = move |model: &mut Model| Some(model.forget(now(), key, handled_by));
        self.call("forget", 0, |_| false, carry_out, None).await
    }

    async fn attempt(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
    ) -> Result<Attempt, StoreError> {
        let carry_out = move |model: &mut Model| model.attempt(now(), key, token, keep);
        self.call("attempt", 0, |_| false, carry_out, None).await
    }

    async fn uncount(&self, key: EventKey, token: ClaimToken) -> Result<(), StoreError> {
        let carry_out = move |model: &mut Model| {
            model.uncount(now(), key, token);
            Some(())
        };
        self.call("uncount", 0, |()| false, carry_out, None).await
    }

    async fn park(
        &self,
        key: EventKey,
        token: ClaimToken,
        keep: Duration,
        note: &ParkedNote,
    ) -> Result<Settled, StoreError> {
        let note = note.clone();
        let carry_out = move |model: &mut Model| model.park(now(), key, token, keep, &note);
        self.call("park", 0, |_| false, carry_out, None).await
    }

    async fn parked(&self, limit: u32) -> Result<Vec<Parked>, StoreError> {
        let carry_out = move |model: &mut Model| {
            Some(model.parked(now()).into_iter().take(limit as usize).collect())
        };
        self.call("parked", 0, |_| false, carry_out, None).await
    }

    async fn parked_event(&self, key: EventKey) -> Result<Option<Parked>, StoreError> {
        let carry_out = move |model: &mut Model| {
            Some(model.parked(now()).into_iter().find(|parked| parked.key == key))
        };
        self.call("parked_event", 0, |_| false, carry_out, None).await
    }

    fn transactional(&self) -> Option<Transactional> {
        Some(Arc::new(Database(self.clone())))
    }
}
