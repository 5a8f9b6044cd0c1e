//! How many keys are in the memory of this process, in all its stores.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{Gauge, Key};

use super::names::MEMORY_KEYS;
use super::recorder::{METADATA, with_recorder};

/// What one store adds to the gauge.
#[derive(Default)]
pub(crate) struct MemoryMetrics {
    gauge: OnceLock<Gauge>,
    shown: AtomicUsize,
}

impl MemoryMetrics {
    /// The store has so many keys now.
    pub(crate) fn show(&self, keys: usize) {
        let Some(gauge) = self.gauge.get().or_else(|| self.found()) else { return };
        // Each change is added to the gauge once, in whatever order calls come here.
        let shown = self.shown.swap(keys, Ordering::Relaxed);
        if keys > shown {
            gauge.increment((keys - shown) as f64);
        } else if keys < shown {
            gauge.decrement((shown - keys) as f64);
        }
    }

    #[cold]
    fn found(&self) -> Option<&Gauge> {
        static KEY: Key = Key::from_static_name(MEMORY_KEYS);
        with_recorder(|recorder| {
            self.gauge.get_or_init(|| recorder.register_gauge(&KEY, &METADATA))
        })
    }
}

impl Drop for MemoryMetrics {
    fn drop(&mut self) {
        if let Some(gauge) = self.gauge.get() {
            gauge.decrement(*self.shown.get_mut() as f64);
        }
    }
}
