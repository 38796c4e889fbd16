//! The calls of one owner of limits that an instance may admit under a lease.

use std::{mem, time::Duration};

use platform::redis::ProcessId;

use crate::{
    lease::{Granted, usable},
    quota::{Limit, Meter},
};

/// The most calls that a lease is requested for.
const MOST: i64 = 4_096;
/// The shortest time, in microseconds, from which a rate of calls is computed.
const SHORTEST: i64 = 1_000;
/// The calls that are requested in addition to the demand so far.
const RESERVE: i64 = 4;

/// The prepaid calls of a tenant's users, or of an API key.
#[derive(Default)]
pub(super) struct Pool {
    current: Option<Prepaid>,
    /// Previous leases with their unused units, which were not reported yet.
    finished: Vec<(Granted, i64)>,
    /// Whether a request for a lease is in progress.
    pub(super) is_asking: bool,
    /// The arrival of the last call that asked Redis, in microseconds.
    asked_at: u64,
    /// The calls since then, including that one.
    calls: i64,
    /// Whether that call came soon after the one before.
    is_busy: bool,
}

/// The calls that were taken from the limits in advance.
struct Prepaid {
    lease: Granted,
    /// The number of calls that are left.
    left: i64,
    /// The number of admitted calls that [`Pool::take_admitted`] has returned.
    recorded: i64,
    /// The limits after the call that the lease was granted to.
    meter: Meter,
    /// The time at which the lease or the first window ends, in microseconds.
    until: u64,
    /// The time from which the lease is renewed, in microseconds.
    renewal_from: u64,
    /// Whether a renewal was requested.
    is_renewed: bool,
}

/// A prepaid call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The state of the limits after the call.
    pub(super) meter: Meter,
    /// Whether the lease must be renewed now.
    pub(super) is_renewal_due: bool,
}

impl Pool {
    /// Takes a call. Returns `None` if none is left, so that the call must ask Redis. The first call after most of the
    /// time or of the calls finds that a renewal is due.
    pub(super) fn take(&mut self, arrived: u64) -> Option<Taken> {
        let prepaid = self.current.as_mut().filter(|prepaid| arrived < prepaid.until)?;
        if prepaid.left == 0 {
            return None;
        }
        prepaid.left -= 1;
        self.calls += 1;
        let is_low = prepaid.left < prepaid.lease.units / 4;
        let is_renewal_due =
            !self.is_asking && !prepaid.is_renewed && (is_low || arrived >= prepaid.renewal_from);
        prepaid.is_renewed |= is_renewal_due;
        let meter = prepaid.after(prepaid.lease.units - prepaid.left);
        Some(Taken { meter, is_renewal_due })
    }

    /// Returns the number of calls to request for a lease, if this call is likely to be followed by others while the
    /// lease is valid: if each of the last two calls came soon after the one before. A single pair says little: two
    /// calls that arrive together would pay for a lease that nobody uses. Records the call.
    pub(super) fn demand(&mut self, arrived: u64, validity: Duration) -> Option<i64> {
        let validity = i64::try_from(validity.as_micros()).unwrap_or(i64::MAX);
        let pause = i64::try_from(arrived.saturating_sub(self.asked_at)).unwrap_or(i64::MAX);
        let is_soon = self.asked_at != 0 && pause < validity;
        let calls = self.calls;
        (self.asked_at, self.calls) = (arrived, 1);
        let was_busy = mem::replace(&mut self.is_busy, is_soon);
        if !(is_soon && was_busy) {
            return None;
        }
        // A quarter more than the rate since the last call to Redis.
        let rate = calls.saturating_mul(validity) / pause.max(SHORTEST);
        Some((rate + rate / 4 + RESERVE).min(MOST))
    }

    /// Starts to use a granted lease. The rest of the previous one is returned with the next report.
    pub(super) fn start(&mut self, lease: Granted, meter: Meter, arrived: u64, until: u64) {
        self.finish();
        let window = Duration::from_millis(u64::try_from(lease.milliseconds_left).unwrap_or(0));
        let window = u64::try_from(usable(window).as_micros()).unwrap_or(u64::MAX);
        let until = until.min(arrived.saturating_add(window));
        self.current = Some(Prepaid {
            lease,
            left: lease.units,
            recorded: 0,
            meter,
            until,
            renewal_from: renewal_from(arrived, until),
            is_renewed: false,
        });
    }

    /// Ends the use of a lease that is no longer valid.
    pub(super) fn expire(&mut self, now: u64) {
        if self.current.as_ref().is_some_and(|prepaid| now >= prepaid.until) {
            self.finish();
        }
    }

    /// Returns the process of the lease in use, and the limits after the last call that was admitted under it. Returns
    /// `None` if there was no such call since the last time.
    pub(super) fn take_admitted(&mut self) -> Option<(ProcessId, Meter)> {
        let prepaid = self.current.as_mut()?;
        let admitted = prepaid.lease.units - prepaid.left;
        let recorded = mem::replace(&mut prepaid.recorded, admitted);
        (admitted > recorded).then(|| (prepaid.lease.process, prepaid.after(admitted)))
    }

    /// Takes a finished lease and the number of its unused units, to report them.
    pub(super) fn take_finished(&mut self) -> Option<(Granted, i64)> {
        self.finished.pop()
    }

    /// Returns whether counted calls use a lease at a time.
    pub(super) fn is_in_use(&self, now: u64) -> bool {
        self.current.as_ref().is_some_and(|prepaid| now < prepaid.until)
    }

    /// Returns whether a lease is in use or was not reported yet.
    pub(super) fn is_open(&self) -> bool {
        self.current.is_some() || !self.finished.is_empty()
    }

    fn finish(&mut self) {
        if let Some(prepaid) = self.current.take() {
            self.finished.push((prepaid.lease, prepaid.left));
        }
    }
}

/// Returns the time from which a lease is renewed. Both times are in microseconds.
pub(super) fn renewal_from(arrived: u64, until: u64) -> u64 {
    arrived + until.saturating_sub(arrived) / 10 * 7
}

impl Prepaid {
    /// Returns the limits after a number of calls.
    fn after(&self, calls: i64) -> Meter {
        let after = |limit: &Limit| Limit { used: limit.used + calls, ..limit.clone() };
        Meter { limits: self.meter.limits.iter().map(after).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: u64 = 1_000;
    const VALIDITY: Duration = Duration::from_millis(100);

    fn lease(number: i64, units: i64) -> Granted {
        Granted {
            process: ProcessId::of_digits(&[b'0'; 16]).unwrap(),
            number,
            units,
            milliseconds_left: 50,
            day: 1,
        }
    }

    fn meter(used: i64) -> Meter {
        Meter { limits: vec![Limit { name: "minute", limit: 100, used, window: 60, reset: 9 }] }
    }

    fn taken(used: i64, is_renewal_due: bool) -> Taken {
        Taken { meter: meter(used), is_renewal_due }
    }

    #[test]
    fn units_continue_the_count_and_end_with_the_window() {
        let mut pool = Pool { is_asking: true, ..Pool::default() };
        pool.start(lease(1, 2), meter(7), 1_000, 1_000 + 100 * MILLISECOND);
        assert_eq!(pool.take(1_001), Some(taken(8, false)));
        assert_eq!(pool.take_admitted(), Some((lease(1, 2).process, meter(8))));
        assert_eq!(pool.take_admitted(), None);
        assert!(pool.is_in_use(1_000 + 39 * MILLISECOND));
        assert!(!pool.is_in_use(1_000 + 40 * MILLISECOND));
        assert_eq!(pool.take(1_000 + 40 * MILLISECOND), None);
        pool.expire(1_000 + 40 * MILLISECOND);
        assert_eq!(pool.take_finished(), Some((lease(1, 2), 1)));
        assert!(!pool.is_open());
    }

    #[test]
    fn one_call_renews_and_all_use_the_rest() {
        let mut pool = Pool::default();
        pool.start(lease(1, 8), meter(0), 0, 100 * MILLISECOND);
        for call in 1..=8 {
            assert_eq!(pool.take(1), Some(taken(call, call == 7)));
        }
        assert_eq!(pool.take(1), None);
        pool.start(lease(2, 8), meter(8), 7, 100 * MILLISECOND);
        assert_eq!(pool.take_finished(), Some((lease(1, 8), 0)));
        assert_eq!(pool.take(8), Some(taken(9, false)));
        // Most of the window has passed.
        assert_eq!(pool.take(30 * MILLISECOND), Some(taken(10, true)));
        assert_eq!(pool.take(31 * MILLISECOND), Some(taken(11, false)));
    }

    #[test]
    fn only_calls_that_follow_each_other_demand_units() {
        let mut pool = Pool::default();
        let mut demand = |microseconds| pool.demand(1_000 + microseconds, VALIDITY);
        assert_eq!(demand(0), None);
        // Pairs.
        for pair in 1..4 {
            assert_eq!(demand(pair * 150 * MILLISECOND), None);
            assert_eq!(demand(pair * 150 * MILLISECOND + 1), None);
        }
        assert_eq!(demand(460 * MILLISECOND), Some(10 + 2 + RESERVE));
        assert_eq!(demand(460 * MILLISECOND + 1), Some(100 + 25 + RESERVE));
        assert_eq!(demand(560 * MILLISECOND + 1), None);
    }
}
