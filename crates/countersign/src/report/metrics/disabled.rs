//! The same without the feature: nothing.

use std::time::Duration;

use super::Operation;
use crate::dedup::Store;
use crate::delivery::Delivery;
use crate::endpoint::Endpoint;
use crate::report::Report;

#[derive(Default)]
pub(crate) struct EndpointMetrics(());

impl EndpointMetrics {
    pub(crate) fn is_recorded(&self, _: &Endpoint) -> bool {
        false
    }

    pub(crate) fn genuine(&self, _: &Delivery) {}

    pub(crate) fn reported(&self, _: &Endpoint, _: &Report<'_>, _: impl Fn() -> Duration) {}

    pub(crate) fn claimed(&self, _: &Endpoint) -> bool {
        false
    }

    pub(crate) fn settled(&self) {}

    pub(crate) fn lost(&self, _: &Endpoint) {}
}

#[derive(Default)]
pub(crate) struct SecretMetrics(());

impl SecretMetrics {
    pub(crate) fn begin(&self, _: &Endpoint) {}

    pub(crate) fn matched(&self, _: &Endpoint, _: usize) {}
}

#[cfg(feature = "resolver")]
#[derive(Default)]
pub(crate) struct LookupMetrics(());

#[cfg(feature = "resolver")]
impl LookupMetrics {
    pub(crate) fn begin(&self, _: &Endpoint) {}

    pub(crate) fn known(&self, _: &Endpoint) {}

    pub(crate) fn unknown(&self, _: &Endpoint) {}

    pub(crate) fn failed(&self, _: &Endpoint) {}
}

#[derive(Default)]
pub(crate) struct StoreMetrics(());

impl StoreMetrics {
    pub(crate) fn start(&self, _: &impl Store, _: &Endpoint, _: Operation) -> StoreWatch {
        StoreWatch
    }

    pub(crate) fn stop(&self, _: StoreWatch, _: &Endpoint) {}

    pub(crate) fn failed(&self, _: &impl Store, _: Operation) {}
}

/// A call that is not measured.
#[derive(Clone, Copy)]
pub(crate) struct StoreWatch;

#[derive(Default)]
pub(crate) struct MemoryMetrics(());

impl MemoryMetrics {
    pub(crate) fn show(&self, _: usize) {}
}
