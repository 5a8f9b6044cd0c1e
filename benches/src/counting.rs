//! An allocator that counts while it is asked to. Otherwise it only looks at a flag that never changes, so
//! that what is timed in the same program is hardly touched by it.

#![expect(unsafe_code, reason = "an allocator is unsafe to write; it only counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The system's allocator, with a count for the whole process.
pub struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

fn count() {
    if COUNTS.load(Relaxed) {
        COUNT.fetch_add(1, Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as above.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

/// How often something is allocated or made larger in there.
pub fn allocations(work: impl FnOnce()) -> u64 {
    let span = Span::begin(true);
    work();
    span.end().allocations
}

/// A stretch of work that is timed, and in which allocations are counted if that is asked for.
pub struct Span {
    start: Instant,
    before: u64,
}

/// What it took.
#[derive(Clone, Copy)]
pub struct Spent {
    pub took: Duration,
    pub allocations: u64,
}

impl Span {
    pub fn begin(counts: bool) -> Self {
        COUNTS.store(counts, Relaxed);
        Self { before: COUNT.load(Relaxed), start: Instant::now() }
    }

    pub fn end(self) -> Spent {
        let took = self.start.elapsed();
        COUNTS.store(false, Relaxed);
        Spent { took, allocations: COUNT.load(Relaxed) - self.before }
    }
}
