//! The usage that an instance last saw.
//!
//! A Redis process has no counters after a restart. Counters of a day start from the last checkpoint in PostgreSQL, and
//! counters of a minute start from zero. The usage that each instance saw of the earlier process is a lower bound: the
//! scripts raise a counter by the part that was not carried over yet (`carry.lua`). So a restart of Redis returns no
//! used quota while an instance lives that saw the usage.

use std::{cell::Cell, rc::Rc};

use platform::redis::{Argument, ProcessId};
use uuid::Uuid;

use crate::{context::Context, instance_cache::InstanceCache, resource::DailyResource};

/// A counter of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The process that counted.
    pub(crate) process: ProcessId,
    /// The usage.
    pub(crate) used: i64,
    /// The end of the window: for a minute, its time in microseconds of the monotonic clock; for a day, the number of
    /// the day.
    pub(crate) until: i64,
}

/// The counters of a tenant or an API key.
#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    minute: Option<Seen>,
    /// The counters of the day, in the order of [`DailyResource::ALL`].
    daily: [Option<Seen>; DailyResource::ALL.len()],
}

/// The counters of tenants and API keys that an instance saw.
#[derive(Default)]
pub(crate) struct SeenUsage {
    counters: InstanceCache<Owner, Cell<Counters>>,
    /// The process to which the counters of earlier processes were carried over.
    pub(super) carried_to: Cell<Option<ProcessId>>,
}

/// The owner of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// A tenant.
    Tenant(Uuid),
    /// An API key, by its hash.
    ApiKey([u8; 32]),
}

impl SeenUsage {
    /// Stores the counters of calls per minute and per day.
    pub(crate) fn calls(&self, owner: Owner, minute: Option<Seen>, day: Option<Seen>) {
        self.update(owner, |counters| {
            counters.minute = minute.or(counters.minute);
            let calls = counters.daily(DailyResource::ApiCalls);
            *calls = day.or(*calls);
        });
    }

    /// Raises the counters of calls per minute and per day to the usage after a call that was admitted under a lease.
    pub(crate) fn raise_calls(&self, owner: Owner, process: ProcessId, used: [Option<i64>; 2]) {
        self.update(owner, |counters| {
            let raise = |seen: &mut Option<Seen>, used: Option<i64>| {
                let seen = seen.as_mut().filter(|seen| seen.process == process);
                if let (Some(seen), Some(used)) = (seen, used) {
                    seen.used = seen.used.max(used);
                }
            };
            raise(&mut counters.minute, used[0]);
            raise(counters.daily(DailyResource::ApiCalls), used[1]);
        });
    }

    /// Stores the counter of a resource for a day.
    pub(crate) fn daily(&self, tenant: Uuid, resource: DailyResource, seen: Seen) {
        self.update(Owner::Tenant(tenant), |counters| *counters.daily(resource) = Some(seen));
    }

    /// Returns the counter of a resource for a day, if an earlier process counted it.
    pub(crate) fn earlier_daily(
        &self,
        context: &Context,
        tenant: Uuid,
        resource: DailyResource,
        day: i64,
    ) -> Option<Seen> {
        let process = context.platform.redis.process();
        let seen = (*self.get(Owner::Tenant(tenant)).daily(resource))?;
        (seen.until == day && Some(seen.process) != process).then_some(seen)
    }

    /// Returns the counters of a tenant's and an API key's calls that an earlier process counted. They are in the order
    /// of the limits in the admission script: tenant per minute, tenant per day, key per minute, key per day.
    pub(crate) fn earlier_calls(&self, context: &Context, owners: &[Owner]) -> [Option<Seen>; 4] {
        let process = context.platform.redis.process();
        let mut earlier = [None; 4];
        for (owner, places) in owners.iter().zip(earlier.as_chunks_mut::<2>().0) {
            let mut counters = self.get(*owner);
            let calls = *counters.daily(DailyResource::ApiCalls);
            let is_earlier = |seen: &Seen| Some(seen.process) != process;
            *places = [counters.minute.filter(is_earlier), calls.filter(is_earlier)];
        }
        // The clock is read only after a restart of Redis.
        if let [minute, _, key_minute, _] = &mut earlier
            && (minute.is_some() || key_minute.is_some())
        {
            let now = i64::try_from(context.platform.clock.monotonic_micros()).unwrap_or(i64::MAX);
            for place in [minute, key_minute] {
                *place = place.filter(|seen| seen.until > now);
            }
        }
        earlier
    }

    /// Returns the counters of the tenants' current day that an earlier process counted.
    pub(super) fn earlier_days(
        &self,
        process: ProcessId,
        day: i64,
    ) -> Vec<(Uuid, DailyResource, Seen)> {
        let mut earlier = Vec::new();
        for (owner, counters) in self.counters.entries() {
            let Owner::Tenant(tenant) = owner else { continue };
            for resource in DailyResource::ALL {
                let mut counters = counters.get();
                let seen = *counters.daily(resource);
                if let Some(seen) = seen.filter(|seen| seen.process != process && seen.until == day)
                {
                    earlier.push((tenant, resource, seen));
                }
            }
        }
        earlier
    }

    fn get(&self, owner: Owner) -> Counters {
        self.counters.get(&owner).map_or_else(Counters::default, |counters| counters.get())
    }

    fn update(&self, owner: Owner, change: impl FnOnce(&mut Counters)) {
        let kept = self.counters.get(&owner);
        let mut counters = kept.as_ref().map_or_else(Counters::default, |kept| kept.get());
        change(&mut counters);
        match kept {
            Some(kept) => kept.set(counters),
            None => self.counters.put(owner, Rc::new(Cell::new(counters))),
        }
    }
}

impl Counters {
    fn daily(&mut self, resource: DailyResource) -> &mut Option<Seen> {
        &mut self.daily[resource as usize]
    }
}

/// Appends a counter to the arguments of a script: the process, the usage, and the end of its window. The end is the
/// milliseconds left of a minute, or the number of a day. Without a counter, the process is empty.
pub(crate) fn append<'a>(
    arguments: &mut Vec<Argument<'a>>,
    seen: Option<&'a Seen>,
    until: impl Fn(&Seen) -> i64,
) {
    match seen {
        Some(seen) => arguments.extend([
            Argument::Bytes(seen.process.digits()),
            Argument::Int(seen.used),
            Argument::Int(until(seen)),
        ]),
        None => arguments.extend(["".into(), Argument::Int(0), Argument::Int(0)]),
    }
}
