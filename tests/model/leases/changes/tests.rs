//! The checks of changes.

use super::{ACKNOWLEDGED, Bounds, Changes, Flaw, REFUSED};
use crate::check::{refutations, verify};

const NONE: Bounds = Bounds {
    calls: 2,
    expiries: 0,
    redis_restarts: 0,
    instance_crashes: 0,
    revoker_crashes: 0,
    gains: 0,
};

#[test]
fn promises_hold_with_unequal_clocks() {
    verify(Changes { flaw: None, bounds: Bounds { gains: 1, expiries: 1, ..NONE } });
}

#[test]
fn promises_hold_after_crash_of_revoker() {
    verify(Changes { flaw: None, bounds: Bounds { revoker_crashes: 1, gains: 1, ..NONE } });
}

#[test]
fn promises_hold_after_crash_of_instance() {
    verify(Changes { flaw: None, bounds: Bounds { instance_crashes: 1, expiries: 1, ..NONE } });
}

#[test]
fn promises_hold_after_restart_of_redis() {
    verify(Changes { flaw: None, bounds: Bounds { redis_restarts: 1, ..NONE } });
}

refutations! {
    change_must_wait: ChangeDoesNotWait breaks ACKNOWLEDGED, BreadthFirst in Changes NONE;
    change_waits_longer_than_use: ChangeWaitsForUsablePart breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { gains: 1, ..NONE };
    repeated_change_must_wait: RepeatedChangeDoesNotWait breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { revoker_crashes: 1, ..NONE };
    new_process_is_not_trusted: NewProcessIsTrusted breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { redis_restarts: 1, ..NONE };
    trust_takes_longer_than_use: ProcessIsTrustedAfterUsablePart breaks ACKNOWLEDGED,
        BreadthFirst in Changes Bounds { redis_restarts: 1, gains: 1, ..NONE };
    use_of_lease_needs_margin: WholeLeaseIsUsed breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { gains: 1, ..NONE };
    use_of_lease_starts_before_call: LeaseStartsAtReceipt breaks ACKNOWLEDGED, BreadthFirst in
        Changes NONE;
    change_of_token_invalidates_versions: TokenIsIgnored breaks ACKNOWLEDGED, BreadthFirst in
        Changes NONE;
    first_token_belongs_to_process: FirstTokenIsShared breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { redis_restarts: 1, ..NONE };
    end_is_not_reported_at_receipt: EndIsReportedAtReceipt breaks ACKNOWLEDGED, BreadthFirst in
        Changes NONE;
    end_is_reported_after_use: EndIsReportedAfterUsablePart breaks ACKNOWLEDGED, BreadthFirst in
        Changes Bounds { gains: 1, ..NONE };
    end_is_measured_from_receipt: EndIsMeasuredFromCall breaks ACKNOWLEDGED, BreadthFirst in
        Changes NONE;
    report_of_end_belongs_to_process: ReportReachesOtherProcess breaks ACKNOWLEDGED,
        BreadthFirst in Changes Bounds { redis_restarts: 1, ..NONE };
    refusal_must_wait: RefusalDoesNotWait breaks REFUSED, BreadthFirst in Changes NONE;
    refusal_is_not_cached_early: RefusalIsCachedEarly breaks REFUSED, BreadthFirst in
        Changes NONE;
    refusal_must_store: RefusalDoesNotStore breaks REFUSED, DepthFirst in
        Changes Bounds { calls: 3, ..NONE };
    refusal_heeds_change_of_others: RefusalIgnoresOtherChange breaks REFUSED, BreadthFirst in
        Changes Bounds { expiries: 1, ..NONE };
    failed_store_must_be_repeated: FailedStoreIsNotRepeated breaks REFUSED, BreadthFirst in
        Changes Bounds { redis_restarts: 1, ..NONE };
    failed_store_must_wait: FailedStoreDoesNotWait breaks REFUSED, BreadthFirst in
        Changes Bounds { redis_restarts: 1, ..NONE };
    refusal_does_not_trust_new_process: RefusalTrustsNewProcess breaks REFUSED, BreadthFirst in
        Changes Bounds { redis_restarts: 1, ..NONE };
}
