//! The providers that have typed events in [`providers`](crate::providers).

use super::{Confidence, Preset};
use crate::provider::Provider;
use crate::providers::{hostwares, pakyas, percher, pingara, piora};

const fn row(
    id: &'static str,
    name: &'static str,
    source: &'static str,
    make: fn() -> Provider,
) -> Preset {
    Preset { id, name, confidence: Confidence::Documented, source, make }
}

pub(super) const ROWS: &[Preset] = &[
    row("piora", "Piora", "Piora's documentation, \"Webhooks\"", piora::provider),
    row("hostwares", "Hostwares", "Hostwares' documentation, \"Webhooks\"", hostwares::provider),
    row("percher", "Percher", "Percher's documentation, \"Event webhooks\"", percher::provider),
    row(
        "pingara",
        "Pingara",
        "Pingara's documentation, \"Webhook Integration\"",
        pingara::provider,
    ),
    row(
        "pingara-bearer",
        "Pingara (Bearer)",
        "Pingara's documentation, \"Webhook Integration\"",
        pingara::bearer,
    ),
    row(
        "pingara-basic",
        "Pingara (Basic)",
        "Pingara's documentation, \"Webhook Integration\"",
        pingara::basic,
    ),
    row("pakyas", "Pakyas", "Pakyas' documentation, \"Webhooks\"", pakyas::provider),
];

/// None of these needs a feature.
pub(super) const LEFT_OUT: &[(&str, &str)] = &[];
