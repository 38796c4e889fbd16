//! Redis: the counters of two limits, and the scripts that count calls, grant units and receive reports.

use std::collections::BTreeMap;

use super::flaw::Flaw;

/// A Redis process. A restart starts the next one.
pub type Process = u8;

/// The number of a lease of the tenant in one process.
pub type Number = u8;

/// A window of a limit. Windows of all limits have different names.
pub type Window = u8;

/// The number of limits: the tenant's and the API key's.
pub const LIMITS: usize = 2;

/// The most calls in a window, by limit.
pub const MOST: [i8; LIMITS] = [5, 3];

/// The most units of a lease.
const WANTED: i8 = 2;
/// A lease gets at most this part of the smallest remainder.
const SHARE: i8 = 2;

/// A caller. One or two limits count its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// A user of the tenant.
    User,
    /// The API key.
    ApiKey,
}

impl Caller {
    /// All callers.
    pub const ALL: [Self; 2] = [Self::User, Self::ApiKey];

    /// Returns the number of limits.
    pub fn limits(self) -> usize {
        match self {
            Self::User => 1,
            Self::ApiKey => 2,
        }
    }
}

/// The counter of a window, and the numbers of calls that explain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counter {
    pub window: Window,
    pub used: i8,
    /// The calls that were admitted.
    pub admitted: i8,
    /// The units that no instance uses or returns.
    pub forfeited: i8,
}

/// A lease with the units that are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease {
    pub process: Process,
    pub number: Number,
    pub caller: Caller,
    /// The windows that the units were taken from; `None` without a limit.
    pub windows: [Option<Window>; LIMITS],
    pub left: i8,
    /// Whether a checkpoint has declared the units as used.
    pub is_forfeited: bool,
}

/// The keys of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redis {
    pub process: Process,
    /// The counters of the current windows; `None` without a limit.
    pub counters: [Option<Counter>; LIMITS],
    pub next_window: Window,
    /// The number of the last lease.
    pub granted: Number,
    /// The units of the leases whose use was not reported.
    pub unreported: BTreeMap<Number, i8>,
}

impl Redis {
    /// Starts an empty process with limits.
    pub fn start(process: Process, has_limit: [bool; LIMITS], next_window: Window) -> Self {
        let counters = [None; LIMITS];
        let unreported = BTreeMap::new();
        let mut redis = Self { process, counters, next_window, granted: 0, unreported };
        for (limit, has_limit) in has_limit.into_iter().enumerate() {
            if has_limit {
                redis.start_window(limit);
            }
        }
        redis
    }

    /// Starts the next window of a limit.
    pub fn start_window(&mut self, limit: usize) {
        let window = self.next_window;
        self.next_window += 1;
        self.counters[limit] = Some(Counter { window, used: 0, admitted: 0, forfeited: 0 });
    }

    /// Counts a call and grants a lease with units, if there are any. Returns whether the call is admitted.
    pub fn admit(&mut self, caller: Caller, flaw: Option<Flaw>) -> (bool, Option<Lease>) {
        let remainder = self.remainder(caller);
        if remainder <= 0 {
            return (false, None);
        }
        for counter in self.counters.iter_mut().take(caller.limits()).flatten() {
            counter.used += 1;
            counter.admitted += 1;
        }
        (true, self.grant(caller, remainder - 1, flaw))
    }

    /// Grants a lease with units, if there are any, and counts no call.
    pub fn renew(&mut self, caller: Caller, flaw: Option<Flaw>) -> Option<Lease> {
        let remainder = self.remainder(caller);
        if flaw == Some(Flaw::RenewalCountsCall) {
            for counter in self.counters.iter_mut().take(caller.limits()).flatten() {
                counter.used += 1;
            }
        }
        // The script counts a call first, which becomes a unit.
        self.grant(caller, remainder - 1, flaw)
    }

    /// Returns the smallest remainder of the caller's limits.
    fn remainder(&self, caller: Caller) -> i8 {
        let counters = self.counters.iter().zip(MOST).take(caller.limits());
        let left = counters.filter_map(|(counter, most)| Some(most - (*counter)?.used));
        left.min().unwrap_or(i8::MAX)
    }

    /// Grants a lease with units, if there are any.
    fn grant(&mut self, caller: Caller, remainder: i8, flaw: Option<Flaw>) -> Option<Lease> {
        let units = match flaw {
            Some(Flaw::UnitsExceedLimit) => WANTED,
            _ => WANTED.min(remainder / SHARE),
        };
        if units <= 0 {
            return None;
        }
        let mut windows = [None; LIMITS];
        for (counter, window) in self.counters.iter_mut().zip(&mut windows).take(caller.limits()) {
            if let Some(counter) = counter {
                counter.used += units;
                *window = Some(counter.window);
            }
        }
        self.granted += 1;
        self.unreported.insert(self.granted, units);
        let (process, number) = (self.process, self.granted);
        Some(Lease { process, number, caller, windows, left: units, is_forfeited: false })
    }

    /// Receives the report of a lease: the units that are left return to the windows that they were taken from.
    pub fn settle(&mut self, lease: &Lease, flaw: Option<Flaw>) {
        if lease.process != self.process && flaw != Some(Flaw::ReportReachesOtherProcess) {
            return;
        }
        let is_unreported = self.unreported.contains_key(&lease.number);
        if flaw != Some(Flaw::RepeatedReportReturnsUnits) {
            self.unreported.remove(&lease.number);
        }
        if !is_unreported {
            return;
        }
        for limit in 0..lease.caller.limits() {
            let taken_from = lease.windows[limit];
            let Some(counter) = &mut self.counters[limit] else { continue };
            let is_same = match flaw {
                Some(Flaw::UnitsReturnToOtherWindow) => taken_from.is_some(),
                // Processes have other windows, but their ends may be equal.
                Some(Flaw::ReportReachesOtherProcess) => true,
                Some(Flaw::UnitsReturnToNewLimit) if taken_from.is_none() => true,
                _ => taken_from == Some(counter.window),
            };
            if is_same {
                counter.used -= lease.left;
            }
        }
    }

    /// Applies a function to the counters that a lease was granted from, if their windows have not ended.
    pub fn explain(&mut self, lease: &Lease, apply: impl Fn(&mut Counter)) {
        for (counter, window) in self.counters.iter_mut().flatten().zip(lease.windows) {
            if self.process == lease.process && window == Some(counter.window) {
                apply(counter);
            }
        }
    }

    /// Returns whether the windows of a lease are the current ones.
    pub fn is_current(&self, lease: &Lease) -> bool {
        let is_current = |(counter, window): (&Option<Counter>, Option<Window>)| {
            window.is_none() || counter.map(|counter| counter.window) == window
        };
        lease.process != self.process || self.counters.iter().zip(lease.windows).all(is_current)
    }

    /// Returns the tenant's usage without the units of leases without a report.
    pub fn settled(&self, flaw: Option<Flaw>) -> i8 {
        let used = self.counters[0].map_or(0, |counter| counter.used);
        let unreported: i8 = self.unreported.values().sum();
        if flaw == Some(Flaw::CheckpointCountsUnreported) { used } else { used - unreported }
    }
}
