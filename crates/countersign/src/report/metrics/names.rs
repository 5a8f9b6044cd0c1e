//! The names, units and descriptions, as Prometheus has them.

use metrics::{KeyName, Recorder, Unit};

pub(super) const DELIVERIES: &str = "countersign_deliveries_total";
pub(super) const DELIVERY_DURATION: &str = "countersign_delivery_duration_seconds";
pub(super) const HANDLER_DURATION: &str = "countersign_handler_duration_seconds";
pub(super) const STORE_DURATION: &str = "countersign_store_duration_seconds";
pub(super) const STORE_ERRORS: &str = "countersign_store_errors_total";
pub(super) const CLAIMS_IN_FLIGHT: &str = "countersign_claims_in_flight";
pub(super) const CLAIMS_LOST: &str = "countersign_claims_lost_total";
#[cfg(feature = "resolver")]
pub(super) const SECRET_LOOKUPS: &str = "countersign_secret_lookups_total";
pub(super) const SECRET_MATCHES: &str = "countersign_secret_matches_total";
pub(super) const DELIVERY_AGE: &str = "countersign_delivery_age_seconds";
pub(super) const MEMORY_KEYS: &str = "countersign_memory_store_keys";
pub(super) const LAST_GENUINE: &str = "countersign_last_genuine_delivery_timestamp_seconds";
pub(super) const LAST_RETRY_FAILURES: &str = "countersign_last_retry_failures_total";

/// Says what each of them is. To say it again changes nothing.
pub(super) fn describe(recorder: &dyn Recorder) {
    let counters = [
        (DELIVERIES, "Deliveries that came to their end, by outcome and reason."),
        (STORE_ERRORS, "Calls of the store that failed."),
        (
            CLAIMS_LOST,
            "Claims whose lease ended, or was somebody else's, before they were settled.",
        ),
        #[cfg(feature = "resolver")]
        (SECRET_LOOKUPS, "Look-ups of a tenant's secrets, by how they ended."),
        (SECRET_MATCHES, "Genuine and fresh deliveries, by the secret that proved them."),
        (
            LAST_RETRY_FAILURES,
            "Events that were not handled, and whose provider retries once more at most.",
        ),
    ];
    for (name, says) in counters {
        recorder.describe_counter(KeyName::from(name), Some(Unit::Count), says.into());
    }
    let histograms = [
        (DELIVERY_DURATION, "From a request's head to its answer."),
        (HANDLER_DURATION, "How long handlers took, whatever they answered."),
        (STORE_DURATION, "How long the store took for a call, failed ones included."),
        (
            DELIVERY_AGE,
            "How old the signed time of a genuine and fresh delivery was when it arrived.",
        ),
    ];
    for (name, says) in histograms {
        recorder.describe_histogram(KeyName::from(name), Some(Unit::Seconds), says.into());
    }
    let gauges = [
        (CLAIMS_IN_FLIGHT, Unit::Count, "Claims that this process holds and has not settled."),
        (MEMORY_KEYS, Unit::Count, "Event keys that are in the memory of this process."),
        (
            LAST_GENUINE,
            Unit::Seconds,
            "When the last genuine and fresh delivery arrived, in Unix time; 0 for none since the \
             start.",
        ),
    ];
    for (name, unit, says) in gauges {
        recorder.describe_gauge(KeyName::from(name), Some(unit), says.into());
    }
}
