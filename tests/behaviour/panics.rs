//! The panics of this process, those that are caught too.

use std::panic;
use std::sync::{Mutex, Once};
use std::thread::ThreadId;

/// One panic.
#[derive(Clone)]
pub struct Panic {
    pub thread: ThreadId,
    /// The source file that it was raised in.
    pub file: String,
}

static SEEN: Mutex<Vec<Panic>> = Mutex::new(Vec::new());

/// The panics since it was made.
pub struct Panics(usize);

impl Panics {
    pub fn watch() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                let file = info.location().map_or_else(String::new, |at| at.file().to_owned());
                SEEN.lock().unwrap().push(Panic { thread: std::thread::current().id(), file });
                before(info);
            }));
        });
        Self(SEEN.lock().unwrap().len())
    }

    pub fn count(&self, which: impl Fn(&Panic) -> bool) -> usize {
        SEEN.lock().unwrap().iter().skip(self.0).filter(|panic| which(panic)).count()
    }
}
