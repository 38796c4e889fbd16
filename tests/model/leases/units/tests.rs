//! The checks of units.

use super::{Bounds, CHECKPOINT, CONSERVATION, Flaw, LIMIT, Units};
use crate::check::{refutations, verify};

const NONE: Bounds = Bounds {
    instances: 2,
    calls: 3,
    window_ends: 0,
    checkpoints: 0,
    new_limits: 0,
    losses: 0,
    crashes: 0,
    redis_restarts: 0,
};
const ONE: Bounds = Bounds { instances: 1, calls: 5, ..NONE };

#[test]
fn units_are_exact_without_faults() {
    verify(Units { flaw: None, bounds: Bounds { calls: 5, window_ends: 1, ..NONE } });
}

#[test]
fn units_are_exact_with_checkpoints() {
    verify(Units {
        flaw: None,
        bounds: Bounds { checkpoints: 3, window_ends: 1, calls: 4, ..ONE },
    });
}

#[test]
fn units_are_exact_after_new_limit() {
    verify(Units { flaw: None, bounds: Bounds { calls: 4, new_limits: 1, ..NONE } });
}

#[test]
fn units_are_conserved_after_loss() {
    verify(Units { flaw: None, bounds: Bounds { losses: 2, checkpoints: 3, ..ONE } });
}

#[test]
fn units_are_conserved_after_crash() {
    verify(Units { flaw: None, bounds: Bounds { crashes: 1, checkpoints: 3, calls: 4, ..NONE } });
}

#[test]
fn units_are_conserved_after_restart_of_redis() {
    verify(Units { flaw: None, bounds: Bounds { redis_restarts: 1, calls: 4, ..NONE } });
}

refutations! {
    units_return_to_their_window: UnitsReturnToOtherWindow breaks LIMIT, BreadthFirst in
        Units Bounds { window_ends: 1, calls: 5, ..ONE };
    units_do_not_return_to_new_limit: UnitsReturnToNewLimit breaks LIMIT, BreadthFirst in
        Units Bounds { new_limits: 1, calls: 5, ..ONE };
    repeated_report_returns_nothing: RepeatedReportReturnsUnits breaks LIMIT, BreadthFirst in
        Units Bounds { losses: 1, ..ONE };
    report_of_units_belongs_to_process: ReportReachesOtherProcess breaks CONSERVATION,
        BreadthFirst in Units Bounds { redis_restarts: 1, ..ONE };
    units_stay_within_limit: UnitsExceedLimit breaks LIMIT, BreadthFirst in Units NONE;
    renewal_counts_units_only: RenewalCountsCall breaks CONSERVATION, BreadthFirst in Units ONE;
    holder_heeds_end_of_window: HolderIgnoresEnd breaks LIMIT, BreadthFirst in
        Units Bounds { window_ends: 1, ..ONE };
    reported_units_are_not_used: HolderUsesReportedUnits breaks LIMIT, BreadthFirst in Units ONE;
    checkpoint_excludes_unreported_units: CheckpointCountsUnreported breaks CHECKPOINT,
        BreadthFirst in Units Bounds { checkpoints: 1, ..ONE };
}
