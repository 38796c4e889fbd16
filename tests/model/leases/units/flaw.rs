//! Broken variants of the protocol. Each one must fail the check.

/// One rule that a variant breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Units return to the current window.
    UnitsReturnToOtherWindow,
    /// Units return to a limit that was set after the grant.
    UnitsReturnToNewLimit,
    /// A repeated report returns the units again.
    RepeatedReportReturnsUnits,
    /// A report has an effect in a process that did not grant the lease.
    ReportReachesOtherProcess,
    /// Units are granted beyond the limit.
    UnitsExceedLimit,
    /// A renewal counts a call besides the units.
    RenewalCountsCall,
    /// The holder uses units after the end of their window.
    HolderIgnoresEnd,
    /// The holder uses the units of a lease that it has reported.
    HolderUsesReportedUnits,
    /// A checkpoint counts the units of leases without a report.
    CheckpointCountsUnreported,
}
