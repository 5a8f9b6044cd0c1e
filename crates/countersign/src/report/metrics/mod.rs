//! What is counted and measured through the facade `metrics`; nothing without the feature.
//!
//! The handles of an endpoint, of a store and of the memory are made once: when a recorder is there
//! for the first time. From then on, a delivery pays for a few atomic additions. Until then it pays for
//! the question whether there is a recorder by now, and no clock is read.

#[cfg(feature = "metrics")]
mod endpoint;
#[cfg(all(feature = "metrics", feature = "resolver"))]
mod lookups;
#[cfg(feature = "metrics")]
mod memory;
#[cfg(feature = "metrics")]
mod names;
#[cfg(feature = "metrics")]
mod recorder;
#[cfg(feature = "metrics")]
mod secrets;
#[cfg(feature = "metrics")]
mod store;

#[cfg(feature = "metrics")]
pub(crate) use {
    endpoint::EndpointMetrics, memory::MemoryMetrics, secrets::SecretMetrics, store::StoreMetrics,
    store::StoreWatch,
};

#[cfg(all(feature = "metrics", feature = "resolver"))]
pub(crate) use lookups::LookupMetrics;

#[cfg(all(not(feature = "metrics"), feature = "resolver"))]
pub(crate) use disabled::LookupMetrics;

#[cfg(not(feature = "metrics"))]
mod disabled;
#[cfg(not(feature = "metrics"))]
pub(crate) use disabled::{
    EndpointMetrics, MemoryMetrics, SecretMetrics, StoreMetrics, StoreWatch,
};

/// A call of a store, as the metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Claim,
    Renew,
    Complete,
    Release,
    Check,
    Attempt,
    Park,
}

impl Operation {
    #[cfg(feature = "metrics")]
    const ALL: [Self; 7] = [
        Self::Claim,
        Self::Renew,
        Self::Complete,
        Self::Release,
        Self::Check,
        Self::Attempt,
        Self::Park,
    ];

    /// Its name, in the log as well.
    #[cfg(any(feature = "metrics", feature = "tracing"))]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Renew => "renew",
            Self::Complete => "complete",
            Self::Release => "release",
            Self::Check => "check",
            Self::Attempt => "attempt",
            Self::Park => "park",
        }
    }
}
