//! Mistakes that are planted to see whether the simulation finds them: in the store, in the adapter
//! or in the endpoint's settings. Mistakes in the core itself are patches, in `faults/`.

/// A planted mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// F1: a token that was released may claim again.
    NoTombstones,
    /// F2: a second transaction completes as well.
    CompletesTwice,
    CompleteNeedsNoToken,
    ReleaseNeedsNoToken,
    ReleaseDoesNothing,
    ClaimsAreShared,
    LeasesAreTooLong,
    LeasesAreTooShort,
    RetentionIsShort,
    /// An operator's forgetting lets go of a claim that is held.
    ForgetsClaims,
    /// The token that had completed what is forgotten may claim again.
    ForgetReleasesNoToken,
    ForgetDoesNothing,
    /// An event that is forgotten goes on with the attempts from before.
    ForgetKeepsAttempts,
    /// A call that comes twice is two attempts.
    RepeatsAreCounted,
    ParkedCanBeClaimed,
    /// Two transactions compare with a watermark at the same time.
    WatermarksAreNotLocked,
    /// What a transaction said of an entity stays when it is rolled back.
    WatermarksAreNotRolledBack,
    /// The adapter acknowledges an event in flight.
    InFlightIsAcknowledged,
    /// The adapter marks the event before it is handled.
    MarkedBeforeHandling,
    /// A duplicate is answered with an error, so the provider retries for ever.
    DuplicateIsAnError,
}

impl Fault {
    pub const ALL: &[Self] = &[
        Self::NoTombstones,
        Self::CompletesTwice,
        Self::CompleteNeedsNoToken,
        Self::ReleaseNeedsNoToken,
        Self::ReleaseDoesNothing,
        Self::ClaimsAreShared,
        Self::LeasesAreTooLong,
        Self::LeasesAreTooShort,
        Self::RetentionIsShort,
        Self::ForgetsClaims,
        Self::ForgetReleasesNoToken,
        Self::ForgetDoesNothing,
        Self::ForgetKeepsAttempts,
        Self::RepeatsAreCounted,
        Self::ParkedCanBeClaimed,
        Self::WatermarksAreNotLocked,
        Self::WatermarksAreNotRolledBack,
        Self::InFlightIsAcknowledged,
        Self::MarkedBeforeHandling,
        Self::DuplicateIsAnError,
    ];

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| format!("{fault:?}") == name)
    }
}
