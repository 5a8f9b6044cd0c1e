//! One thread, virtual time, and tasks that belong to processes: a process can be stopped, paused
//! and started again at any point at which one of its tasks waits.
//!
//! What the core needs of a runtime and of clocks is here, so nothing of it sleeps or reads the time.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use countersign::{BoxFuture, Clock, Runtime};

use crate::tape::Tape;

/// Microseconds of true time since the world began.
pub type Micros = u64;

pub const MILLI: Micros = 1_000;
pub const SECOND: Micros = 1_000_000;

/// The number of a process; the world itself is [`NOBODY`].
pub type Process = usize;
pub const NOBODY: Process = usize::MAX;

thread_local! {
    static EXECUTOR: Executor = Executor::default();
}

#[derive(Default)]
struct Executor {
    now: Cell<Micros>,
    sequence: Cell<u64>,
    timers: RefCell<BinaryHeap<Reverse<Timer>>>,
    tasks: RefCell<Vec<Option<Task>>>,
    free: RefCell<Vec<usize>>,
    ready: RefCell<Vec<(usize, u64)>>,
    machines: RefCell<Vec<Machine>>,
    current: Cell<Option<(Process, u32)>>,
    tape: RefCell<Option<Tape>>,
}

/// A machine with a process on it.
#[derive(Clone, Copy, Default)]
pub struct Machine {
    /// How often it was started; a task belongs to one start.
    pub start: u32,
    pub is_up: bool,
    pub paused_until: Micros,
    /// By how many millionths its clock is fast.
    pub drift: i64,
    /// How far its time of day is ahead, in microseconds.
    pub ahead: i64,
    /// By how much its monotonic time is looked at in advance, for a check with a tolerance.
    pub glance: Micros,
}

struct Task {
    owner: (Process, u32),
    sequence: u64,
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

struct Timer {
    at: Micros,
    sequence: u64,
    what: What,
}

enum What {
    Wake(Waker),
    Do(Box<dyn FnOnce()>),
}

impl PartialEq for Timer {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.sequence) == (other.at, other.sequence)
    }
}

impl Eq for Timer {}

impl PartialOrd for Timer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

struct WakeTask(usize, u64);

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        EXECUTOR.with(|executor| executor.ready.borrow_mut().push((self.0, self.1)));
    }
}

/// Begins a new world on this thread, with so many machines that are down.
pub fn begin(tape: Tape, machines: usize) {
    EXECUTOR.with(|executor| {
        executor.now.set(0);
        executor.sequence.set(0);
        executor.timers.borrow_mut().clear();
        executor.current.set(None);
        // Tasks of an earlier world end with no world around them.
        let tasks = std::mem::take(&mut *executor.tasks.borrow_mut());
        drop(tasks);
        executor.free.borrow_mut().clear();
        executor.ready.borrow_mut().clear();
        *executor.machines.borrow_mut() = vec![Machine::default(); machines];
        *executor.tape.borrow_mut() = Some(tape);
    });
}

/// Ends the world and gives its tape back.
pub fn end() -> Tape {
    EXECUTOR.with(|executor| {
        executor.current.set(None);
        let tape = executor.tape.borrow_mut().take();
        let tasks = std::mem::take(&mut *executor.tasks.borrow_mut());
        drop(tasks);
        let timers = std::mem::take(&mut *executor.timers.borrow_mut());
        drop(timers);
        tape.unwrap_or_else(|| Tape::given(Vec::new()))
    })
}

/// Whether there is a world on this thread.
pub fn in_a_world() -> bool {
    EXECUTOR.try_with(|executor| executor.tape.borrow().is_some()).unwrap_or(false)
}

pub fn now() -> Micros {
    EXECUTOR.with(|executor| executor.now.get())
}

/// Makes a choice.
pub fn choose<T>(choice: impl FnOnce(&mut Tape) -> T) -> T {
    EXECUTOR.with(|executor| {
        choice(executor.tape.borrow_mut().as_mut().expect("a choice outside of a world"))
    })
}

pub fn machine(process: Process) -> Machine {
    EXECUTOR.with(|executor| executor.machines.borrow()[process])
}

pub fn change_machine(process: Process, change: impl FnOnce(&mut Machine)) {
    EXECUTOR.with(|executor| change(&mut executor.machines.borrow_mut()[process]));
}

/// Does something at a time of the world's.
pub fn at(at: Micros, what: impl FnOnce() + 'static) {
    EXECUTOR.with(|executor| executor.add_timer(at, What::Do(Box::new(what))));
}

pub fn after(wait: Micros, what: impl FnOnce() + 'static) {
    at(now().saturating_add(wait), what);
}

/// A task, for whoever wants to cancel it.
pub type TaskId = (usize, u64);

/// Starts a task in a process that is up.
pub fn spawn(process: Process, future: impl Future<Output = ()> + 'static) -> TaskId {
    spawn_boxed((process, machine(process).start), Box::pin(future))
}

/// Drops a task where it waits, unless it has ended.
pub fn cancel((place, sequence): TaskId) {
    let task = EXECUTOR.with(|executor| {
        let mut tasks = executor.tasks.borrow_mut();
        let task = tasks.get_mut(place)?.take_if(|task| task.sequence == sequence)?;
        executor.free.borrow_mut().push(place);
        Some(task)
    });
    if let Some(task) = task {
        drop_in(task.owner.0, task);
    }
}

fn spawn_boxed(owner: (Process, u32), future: Pin<Box<dyn Future<Output = ()>>>) -> TaskId {
    EXECUTOR.with(|executor| {
        let sequence = executor.next_sequence();
        let task = Task { owner, sequence, future: Some(future) };
        let mut tasks = executor.tasks.borrow_mut();
        let place = executor.free.borrow_mut().pop().unwrap_or_else(|| {
            tasks.push(None);
            tasks.len() - 1
        });
        tasks[place] = Some(task);
        executor.ready.borrow_mut().push((place, sequence));
        (place, sequence)
    })
}

/// Stops a process: its tasks are gone, and nothing that their ends would do happens.
pub fn kill(process: Process) {
    EXECUTOR.with(|executor| {
        change_machine(process, |machine| {
            machine.is_up = false;
            machine.paused_until = 0;
        });
        let mut gone = Vec::new();
        for (place, task) in executor.tasks.borrow_mut().iter_mut().enumerate() {
            if task.as_ref().is_some_and(|task| task.owner.0 == process) {
                gone.extend(task.take());
                executor.free.borrow_mut().push(place);
            }
        }
        let before = executor.current.replace(None);
        drop(gone);
        executor.current.set(before);
    });
}

/// Starts a process anew.
pub fn start(process: Process) {
    change_machine(process, |machine| {
        machine.start += 1;
        machine.is_up = true;
        machine.paused_until = 0;
    });
}

/// Drops something as a process would, which may start tasks.
pub fn drop_in<T>(process: Process, what: T) {
    EXECUTOR.with(|executor| {
        let before = executor.current.replace(Some((process, machine(process).start)));
        drop(what);
        executor.current.set(before);
    });
}

/// How many tasks a process has.
pub fn tasks_of(process: Process) -> usize {
    EXECUTOR.with(|executor| {
        let tasks = executor.tasks.borrow();
        tasks.iter().flatten().filter(|task| task.owner.0 == process).count()
    })
}

/// One step: a task that is ready is polled, or time moves on to the next timer. Nothing if there
/// is nothing left to do before `until`.
pub fn step(until: Micros) -> bool {
    EXECUTOR.with(|executor| executor.step(until))
}

impl Executor {
    fn next_sequence(&self) -> u64 {
        self.sequence.set(self.sequence.get() + 1);
        self.sequence.get()
    }

    fn add_timer(&self, at: Micros, what: What) {
        let sequence = self.next_sequence();
        self.timers.borrow_mut().push(Reverse(Timer { at, sequence, what }));
    }

    fn step(&self, until: Micros) -> bool {
        let ready = {
            let mut ready = self.ready.borrow_mut();
            let count = ready.len() as u32;
            let which = if count > 1 { choose(|tape| tape.below(count)) } else { 0 };
            (count > 0).then(|| ready.remove(which as usize))
        };
        if let Some((place, sequence)) = ready {
            self.poll(place, sequence);
            return true;
        }
        let timer = {
            let mut timers = self.timers.borrow_mut();
            match timers.peek() {
                Some(Reverse(timer)) if timer.at <= until => timers.pop(),
                _ => None,
            }
        };
        let Some(Reverse(Timer { at, what, .. })) = timer else {
            self.now.set(until);
            return false;
        };
        self.now.set(self.now.get().max(at));
        match what {
            What::Wake(waker) => waker.wake(),
            What::Do(what) => what(),
        }
        true
    }

    fn poll(&self, place: usize, sequence: u64) {
        let taken = {
            let mut tasks = self.tasks.borrow_mut();
            match tasks.get_mut(place).and_then(Option::as_mut) {
                Some(task) if task.sequence == sequence => {
                    let paused = self.machines.borrow()[task.owner.0].paused_until;
                    if paused > self.now.get() {
                        let waker = Waker::from(Arc::new(WakeTask(place, sequence)));
                        self.add_timer(paused, What::Wake(waker));
                        return;
                    }
                    task.future.take().map(|future| (task.owner, future))
                }
                _ => None,
            }
        };
        let Some((owner, mut future)) = taken else { return };
        let waker = Waker::from(Arc::new(WakeTask(place, sequence)));
        let before = self.current.replace(Some(owner));
        let mut cx = Context::from_waker(&waker);
        // A handler's panic ends its connection and nothing else.
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx)));
        if poll.unwrap_or(Poll::Ready(())).is_ready() {
            drop(future);
            self.tasks.borrow_mut()[place] = None;
            self.free.borrow_mut().push(place);
        } else if let Some(task) = &mut self.tasks.borrow_mut()[place] {
            task.future = Some(future);
        }
        self.current.set(before);
    }
}

/// A future that ends after so much true time.
pub fn wait(time: Micros) -> impl Future<Output = ()> + Send {
    let mut until = None;
    poll_fn(move |cx| {
        let until = *until.get_or_insert_with(|| now().saturating_add(time));
        if now() >= until {
            return Poll::Ready(());
        }
        EXECUTOR.with(|executor| executor.add_timer(until, What::Wake(cx.waker().clone())));
        Poll::Pending
    })
}

/// The runtime of whichever process is running.
pub const RUNTIME: Runtime = Runtime::new(
    |task: BoxFuture| {
        // What a stopped process would start is not started.
        if let Some(owner) = EXECUTOR.with(|executor| executor.current.get()) {
            spawn_boxed(owner, task);
        }
    },
    |time| {
        let current = EXECUTOR.with(|executor| executor.current.get());
        let drift = current.map_or(0, |(process, _)| machine(process).drift);
        let micros = i128::try_from(time.as_micros()).unwrap_or(i128::MAX / 2_000_000);
        let true_time = micros * 1_000_000 / i128::from(1_000_000 + drift);
        Box::pin(wait(Micros::try_from(true_time + 1).unwrap_or(Micros::MAX)))
    },
);

/// The clock of a process: drifting, and with a time of day that can be set.
pub struct MachineClock(pub Process);

/// The time of day at which worlds begin: 2026-05-23T14:30:00Z.
pub const BEGINNING: u64 = 1_779_546_600;

/// The true time of day.
pub fn time_of_day(at: Micros) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(BEGINNING) + Duration::from_micros(at)
}

impl Clock for MachineClock {
    fn now(&self) -> SystemTime {
        let ahead = machine(self.0).ahead;
        let now = time_of_day(now());
        let by = Duration::from_micros(ahead.unsigned_abs());
        if ahead < 0 { now - by } else { now + by }
    }

    fn monotonic(&self) -> Duration {
        let Machine { drift, glance, .. } = machine(self.0);
        let time = i128::from(now()) * i128::from(1_000_000 + drift) / 1_000_000;
        Duration::from_micros(u64::try_from(time).unwrap_or(0) + glance)
    }
}
