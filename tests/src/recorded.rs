//! A recorder for the facade `metrics` that keeps everything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

/// What was recorded, by series: `name{label="value"}`. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Recorded(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    series: Mutex<BTreeMap<String, Arc<Series>>>,
    described: Mutex<BTreeMap<String, Option<Unit>>>,
    registrations: AtomicUsize,
}

/// One series: its value, or the number of its samples and the last of them.
#[derive(Debug, Default)]
struct Series(Mutex<(f64, Vec<f64>)>);

impl Recorded {
    /// The recorder of this process, installed where it was not yet.
    pub fn of_process() -> &'static Self {
        static RECORDED: OnceLock<Recorded> = OnceLock::new();
        RECORDED.get_or_init(|| {
            let recorded = Self::default();
            metrics::set_global_recorder(recorded.clone()).expect("nobody else installs one");
            recorded
        })
    }

    /// Every series in whose name or labels this is: counters and gauges with their values, and
    /// histograms with the number of their samples.
    pub fn of(&self, part: &str) -> BTreeMap<String, f64> {
        let series = self.0.series.lock().unwrap();
        let with = series.iter().filter(|(name, _)| name.contains(part));
        with.map(|(name, series)| (name.clone(), series.0.lock().unwrap().0)).collect()
    }

    /// What differs now from what was.
    pub fn changes(&self, part: &str, before: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
        let now = self.of(part).into_iter();
        let change = |(name, value): (String, f64)| {
            let change = value - before.get(&name).copied().unwrap_or_default();
            (change != 0.0).then_some((name, change))
        };
        now.filter_map(change).collect()
    }

    /// The samples of a histogram.
    pub fn samples(&self, name: &str) -> Vec<f64> {
        let series = self.0.series.lock().unwrap();
        series.get(name).map(|series| series.0.lock().unwrap().1.clone()).unwrap_or_default()
    }

    /// The units of what was described.
    pub fn described(&self) -> BTreeMap<String, Option<Unit>> {
        self.0.described.lock().unwrap().clone()
    }

    /// How often a handle was asked for.
    pub fn registrations(&self) -> usize {
        self.0.registrations.load(Ordering::SeqCst)
    }

    fn series(&self, key: &Key) -> Arc<Series> {
        self.0.registrations.fetch_add(1, Ordering::SeqCst);
        let labels = key.labels().map(|label| format!("{}={:?}", label.key(), label.value()));
        let labels = labels.collect::<Vec<_>>().join(",");
        let name = match labels.as_str() {
            "" => key.name().to_owned(),
            labels => format!("{}{{{labels}}}", key.name()),
        };
        Arc::clone(self.0.series.lock().unwrap().entry(name).or_default())
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>) {
        self.0.described.lock().unwrap().insert(key.as_str().to_owned(), unit);
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&key, unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.series(key).into()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.series(key).into()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.series(key).into()
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.0.lock().unwrap().0 += value as f64;
    }

    fn absolute(&self, value: u64) {
        self.0.lock().unwrap().0 = value as f64;
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.0.lock().unwrap().0 += value;
    }

    fn decrement(&self, value: f64) {
        self.0.lock().unwrap().0 -= value;
    }

    fn set(&self, value: f64) {
        self.0.lock().unwrap().0 = value;
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        let (count, samples) = &mut *self.0.lock().unwrap();
        *count += 1.0;
        samples.push(value);
    }
}
