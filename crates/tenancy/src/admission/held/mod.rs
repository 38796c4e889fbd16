//! The leases that an instance holds, and the calls that it admits under them without a store call.
//!
//! docs/decisions/0015-leases.md describes the protocol. A call is admitted here if the instance holds a lease on its
//! tenant, has checked the caller under the same change token, and has a prepaid call of each of the caller's limits.
//! Every other call asks Redis, and requests a lease with the same call if the tenant is busy.

mod pool;
mod reporting;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use platform::{BackgroundTask, redis::ProcessId};
use uuid::Uuid;

use super::{
    arrival::Arrival,
    protocol::{LIMITS, Metering},
    reply::{Counted, Lookup},
};
use crate::{
    api_key::ApiKeyRecord,
    context::Context,
    instance_cache::InstanceCache,
    lease::{Report, Request, usable},
    metrics::Lease,
    quota::{
        Meter,
        seen::{Owner, SeenUsage},
    },
    tenant::Tenant,
    token::Claims,
};
use pool::Pool;

/// The microseconds for which a checked caller is admitted without another check, so that a refresh of its version
/// becomes due in time.
const CHECKED_MICROS: u64 = 1_000_000;

/// The leases of an instance.
#[derive(Default)]
pub(super) struct HeldLeases {
    tenants: InstanceCache<Uuid, Cell<Option<Held>>>,
    records: InstanceCache<Uuid, Tenant>,
    callers: InstanceCache<CallerId, Checked>,
    pools: InstanceCache<Owner, Pooled>,
    reporting: BackgroundTask,
}

/// The lease of a tenant.
#[derive(Debug, Clone, Copy)]
struct Held {
    process: ProcessId,
    number: i64,
    change: i64,
    /// The end of its validity, in microseconds.
    until: u64,
    /// The time from which all leases up to this one have ended, in microseconds.
    ended_from: u64,
    /// The latest lease whose end was not reported yet, or an earlier one: its number, and the time from which all
    /// leases up to it have ended, in microseconds.
    unreported: Option<(i64, u64)>,
}

/// The prepaid calls of an owner.
struct Pooled {
    tenant: Uuid,
    /// The id of the API key, if the owner is one.
    api_key: Cell<Option<Uuid>>,
    pool: RefCell<Pool>,
}

/// A session, or the hash of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum CallerId {
    Session(Uuid),
    ApiKey([u8; 32]),
}

/// A caller whose version was compared by a call.
struct Checked {
    tenant: Uuid,
    caller: Caller,
    /// The change token of the tenant at that time.
    change: i64,
    /// The arrival of that call, in microseconds.
    at: u64,
}

/// A caller with a valid credential.
pub(super) enum Caller {
    User { user: Uuid, version: i64 },
    ApiKey(Rc<ApiKeyRecord>),
}

/// A call of a credential.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    tenant: Uuid,
    caller: CallerId,
    owner: Owner,
    metering: Metering,
    arrived: u64,
}

impl Subject {
    pub(super) fn user(claims: &Claims, metering: Metering, arrival: Arrival) -> Self {
        Self {
            tenant: claims.tid,
            caller: CallerId::Session(claims.sid),
            owner: Owner::Tenant(claims.tid),
            metering,
            arrived: arrival.micros,
        }
    }

    pub(super) fn api_key(
        tenant: Uuid,
        hash: [u8; 32],
        metering: Metering,
        arrival: Arrival,
    ) -> Self {
        Self {
            tenant,
            caller: CallerId::ApiKey(hash),
            owner: Owner::ApiKey(hash),
            metering,
            arrived: arrival.micros,
        }
    }
}

impl HeldLeases {
    /// Admits a call of a user under a lease. Returns the tenant and the state of its limits; `None` if the call must
    /// ask Redis.
    pub(super) fn admit_user(&self, subject: &Subject, claims: &Claims) -> Option<(Tenant, Meter)> {
        let checked = self.checked(subject)?;
        match checked.caller {
            Caller::User { user, version } if user == claims.sub && version == claims.ver => {
                self.take(subject)
            }
            _ => None,
        }
    }

    /// Admits a call of an API key under a lease, like [`admit_user`](Self::admit_user).
    pub(super) fn admit_api_key(
        &self,
        subject: &Subject,
        arrival: Arrival,
    ) -> Option<(Tenant, Rc<ApiKeyRecord>, Meter)> {
        let checked = self.checked(subject)?;
        match (&checked.caller, subject.caller) {
            (Caller::ApiKey(record), CallerId::ApiKey(hash))
                if record.is_valid(&hash, arrival.at) =>
            {
                let (tenant, meter) = self.take(subject)?;
                Some((tenant, Rc::clone(record), meter))
            }
            _ => None,
        }
    }

    /// Returns the caller if it was checked under the current lease of its tenant.
    fn checked(&self, subject: &Subject) -> Option<Rc<Checked>> {
        let lease = self.tenants.get(&subject.tenant)?.get()?;
        if subject.arrived >= lease.until {
            return None;
        }
        self.callers.get(&subject.caller).filter(|checked| {
            checked.tenant == subject.tenant
                && checked.change == lease.change
                && subject.arrived.saturating_sub(checked.at) < CHECKED_MICROS
        })
    }

    /// Takes a prepaid call.
    fn take(&self, subject: &Subject) -> Option<(Tenant, Meter)> {
        let meter = match subject.metering {
            Metering::All => {
                self.pools.get(&subject.owner)?.pool.borrow_mut().take(subject.arrived)?
            }
            Metering::None => Meter::default(),
            Metering::Caller | Metering::Peek => return None,
        };
        Some((Tenant::clone(&*self.records.get(&subject.tenant)?), meter))
    }

    /// Returns the request for a lease that goes with a call to Redis; `None` if the tenant is not busy.
    pub(super) fn request(&self, context: &Context, subject: &Subject) -> Option<Asking> {
        let validity = context.settings.lease;
        if validity.is_zero() || matches!(subject.metering, Metering::Caller | Metering::Peek) {
            return None;
        }
        let pooled = self.pools.get(&subject.owner).unwrap_or_else(|| {
            let pooled = Rc::new(Pooled {
                tenant: subject.tenant,
                api_key: Cell::default(),
                pool: RefCell::default(),
            });
            self.pools.put(subject.owner, Rc::clone(&pooled));
            pooled
        });
        record_admitted(context, subject.owner, &pooled);
        let mut pool = pooled.pool.borrow_mut();
        let process = context.platform.redis.process()?;
        let is_observer = pool.is_asking;
        let units = match subject.metering {
            _ if is_observer => None,
            Metering::None => pool.demand(subject.arrived, validity).map(|_| 0),
            _ => pool.demand(subject.arrived, validity),
        };
        if units.is_none() && !is_observer {
            return None;
        }
        let mut lease = None;
        if !is_observer {
            pool.expire(subject.arrived);
            lease = pool.take_finished().filter(|(lease, unused)| {
                let is_of_process = lease.process == process;
                if !is_of_process {
                    context.counters.units_forfeited(unused.unsigned_abs());
                }
                is_of_process
            });
            pool.is_asking = true;
        }
        drop(pool);
        let ended = self.take_ended(subject.tenant, process, subject.arrived);
        let report = Report { process, ended, lease };
        let pooled = (!is_observer).then_some(pooled);
        Some(Asking { request: Request { report, validity, units }, pooled })
    }

    /// Takes the number up to which all leases of a tenant have ended, to report it; 0 if unknown.
    fn take_ended(&self, tenant: Uuid, process: ProcessId, now: u64) -> i64 {
        let Some(kept) = self.tenants.get(&tenant) else { return 0 };
        let Some(held) = kept.get().filter(|held| held.process == process) else { return 0 };
        let Some((number, _)) = held.unreported.filter(|(_, from)| now >= *from) else { return 0 };
        // The current lease is next, if it is a later one.
        let unreported = (held.number > number).then_some((held.number, held.ended_from));
        kept.set(Some(Held { unreported, ..held }));
        number
    }

    /// Records the lease that Redis granted, for the owner of a call.
    pub(super) fn granted(
        &self,
        context: &Rc<Context>,
        subject: &Subject,
        asking: &Asking,
        found: &Lookup,
        (tenant, api_key): (&Tenant, Option<Uuid>),
    ) {
        let Some(pooled) = &asking.pooled else { return };
        let (Some(lease), Some(change)) = (found.granted, found.change) else {
            if matches!(found.counted, Counted::Yes { .. } | Counted::Refused { .. }) {
                context.counters.lease(Lease::Refused);
            }
            return;
        };
        context.counters.lease(Lease::Granted);
        let validity = context.settings.lease;
        let now = context.platform.clock.monotonic_micros();
        let until = subject.arrived.saturating_add(micros(usable(validity)));
        let ended_from = now.saturating_add(micros(validity));
        let held = Held {
            process: lease.process,
            number: lease.number,
            change,
            until,
            ended_from,
            unreported: Some((lease.number, ended_from)),
        };
        self.hold(subject.tenant, held, tenant);
        pooled.api_key.set(api_key);
        record_admitted(context, subject.owner, pooled);
        if subject.metering == Metering::All {
            pooled.pool.borrow_mut().start(lease, found.meter.clone(), subject.arrived, until);
        }
        reporting::schedule(context, self);
    }

    /// Replaces the lease of a tenant, unless the instance has received a later one in the meantime.
    fn hold(&self, tenant: Uuid, held: Held, record: &Tenant) {
        match self.tenants.get(&tenant) {
            Some(kept) => match kept.get() {
                Some(other) if other.process == held.process && other.number > held.number => {
                    return;
                }
                // A busy instance renews its lease before it has ended, so an earlier one is reported first.
                Some(other) if other.process == held.process => {
                    let unreported = other.unreported.or(held.unreported);
                    kept.set(Some(Held { unreported, ..held }));
                }
                _ => kept.set(Some(held)),
            },
            None => self.tenants.put(tenant, Rc::new(Cell::new(Some(held)))),
        }
        self.records.put(tenant, Rc::new(record.clone()));
    }

    /// Records that a call has compared the version of its caller and admitted it.
    pub(super) fn admitted(&self, subject: &Subject, found: &Lookup, caller: Caller) {
        if let Some(change) = found.change
            && found.is_fresh()
        {
            let (tenant, at) = (subject.tenant, subject.arrived);
            self.callers.put(subject.caller, Rc::new(Checked { tenant, caller, change, at }));
        }
    }
}

/// A request for a lease that is in progress. While it is, no other call requests one for the same owner.
pub(super) struct Asking {
    pub(super) request: Request,
    pooled: Option<Rc<Pooled>>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(pooled) = &self.pooled {
            pooled.pool.borrow_mut().is_asking = false;
        }
    }
}

/// Records the calls that were admitted under a lease, in case Redis loses their counters.
fn record_admitted(context: &Context, owner: Owner, pooled: &Pooled) {
    let Some((process, meter)) = pooled.pool.borrow_mut().take_admitted() else { return };
    let seen = context.state::<SeenUsage>();
    let used = |name| meter.limits.iter().find(|limit| limit.name == name).map(|limit| limit.used);
    let [minute, day, key_minute, key_day] = LIMITS.map(|(name, _)| used(name));
    seen.raise_calls(Owner::Tenant(pooled.tenant), process, [minute, day]);
    seen.raise_calls(owner, process, [key_minute, key_day]);
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
