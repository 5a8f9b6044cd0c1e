//! Counters, gauges and histograms by name and labels.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use super::text;

/// All metrics of one listener. Clones are the same.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Shared>);

struct Shared {
    families: Mutex<BTreeMap<String, Family>>,
    pub(super) started: SystemTime,
}

/// The series of one name.
#[derive(Default)]
pub(super) struct Family {
    pub(super) help: String,
    /// By their labels as they are written.
    pub(super) series: BTreeMap<String, Series>,
}

#[derive(Clone)]
pub(super) enum Series {
    Counter(Arc<Number>),
    Gauge(Arc<Number>),
    Histogram(Arc<Buckets>),
}

/// A whole number of a counter, or the bits of a gauge's number.
#[derive(Default)]
pub(super) struct Number(AtomicU64);

/// How many samples are at or below each bound, and above all, and their sum.
pub(super) struct Buckets {
    pub(super) bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum: Number,
}

/// For what takes seconds: 100 µs for a store in memory, a minute for a slow handler.
const DURATIONS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0];

/// For the age of a delivery: a retry may come after days.
const AGES: &[f64] =
    &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0];

impl Registry {
    pub(crate) fn new() -> Self {
        let families = Mutex::default();
        Self(Arc::new(Shared { families, started: SystemTime::now() }))
    }

    /// All of it, as Prometheus reads it.
    pub(crate) fn text(&self) -> String {
        super::process::show(self, self.0.started);
        text::of(&self.families())
    }

    fn families(&self) -> MutexGuard<'_, BTreeMap<String, Family>> {
        self.0.families.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The series, or a new one. One that is of another kind than this is left alone.
    fn series(&self, key: &Key, new: impl FnOnce() -> Series) -> Series {
        let labels = key.labels().map(|label| (label.key(), label.value()));
        let labels = text::labels(labels);
        let mut families = self.families();
        let family = families.entry(text::name(key.name())).or_default();
        family.series.entry(labels).or_insert_with(new).clone()
    }

    fn describe(&self, name: &KeyName, says: &SharedString) {
        let mut families = self.families();
        families.entry(text::name(name.as_str())).or_default().help = says.to_string();
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, says: SharedString) {
        self.describe(&name, &says);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, says: SharedString) {
        self.describe(&name, &says);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, says: SharedString) {
        self.describe(&name, &says);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.series(key, || Series::Counter(Arc::default())) {
            Series::Counter(number) => number.into(),
            Series::Gauge(_) | Series::Histogram(_) => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.series(key, || Series::Gauge(Arc::default())) {
            Series::Gauge(number) => number.into(),
            Series::Counter(_) | Series::Histogram(_) => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let bounds = if key.name().ends_with("_age_seconds") { AGES } else { DURATIONS };
        match self.series(key, || Series::Histogram(Arc::new(Buckets::new(bounds)))) {
            Series::Histogram(buckets) => buckets.into(),
            Series::Counter(_) | Series::Gauge(_) => Histogram::noop(),
        }
    }
}

impl Number {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn value(&self) -> f64 {
        f64::from_bits(self.count())
    }

    fn change(&self, change: impl Fn(f64) -> f64) {
        let change = |bits| Some(change(f64::from_bits(bits)).to_bits());
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

impl CounterFn for Number {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

impl GaugeFn for Number {
    fn increment(&self, value: f64) {
        self.change(|number| number + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|number| number - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl Buckets {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: Number::default() }
    }

    /// How many samples each bucket has alone; the last one is above all bounds.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed))
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum.value()
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
            self.sum.change(|sum| sum + value);
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}
