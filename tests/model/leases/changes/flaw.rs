//! Broken variants of the protocol. Each one must fail the check.

/// One rule that a variant breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A change is acknowledged without a wait.
    ChangeDoesNotWait,
    /// A change waits for 0.8 T.
    ChangeWaitsForUsablePart,
    /// A change of a credential whose entry already has the version does not wait.
    RepeatedChangeDoesNotWait,
    /// A change trusts a Redis process from its first reply on.
    NewProcessIsTrusted,
    /// A change trusts a Redis process that has been serving for 0.8 T.
    ProcessIsTrustedAfterUsablePart,
    /// A holder uses a lease for T.
    WholeLeaseIsUsed,
    /// A holder measures a lease from the receipt of the reply.
    LeaseStartsAtReceipt,
    /// A version that was read before a change of the token stays usable.
    TokenIsIgnored,
    /// All processes start with the same token.
    FirstTokenIsShared,
    /// Leases are reported as ended when the reply is received.
    EndIsReportedAtReceipt,
    /// Leases are reported as ended after 0.8 T.
    EndIsReportedAfterUsablePart,
    /// Leases are reported as ended when T has passed since the call that requested the last one.
    EndIsMeasuredFromCall,
    /// A report has an effect in a process that did not grant the lease.
    ReportReachesOtherProcess,
    /// A refusal does not wait.
    RefusalDoesNotWait,
    /// The reason for a refusal is cached before the refusal has waited.
    RefusalIsCachedEarly,
    /// A refusal by PostgreSQL does not store the version.
    RefusalDoesNotStore,
    /// A refusal by PostgreSQL waits only if it stores a version that Redis did not have.
    RefusalIgnoresOtherChange,
    /// A refusal by PostgreSQL stores the version only in the process that was observed before the query.
    FailedStoreIsNotRepeated,
    /// A refusal by PostgreSQL does not wait if Redis has restarted since the query.
    FailedStoreDoesNotWait,
    /// A refusal trusts a Redis process from its first reply on.
    RefusalTrustsNewProcess,
}
