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
use pool::{Pool, Taken, renewal_from};

/// The microseconds for which a checked caller is admitted without another check, so that a refresh of its version
/// becomes due in time.
const CHECKED_MICROS: u64 = 1_000_000;

/// The leases of an instance.
#[derive(Default)]
pub(super) struct HeldLeases {
    tenants: InstanceCache<Uuid, RefCell<Held>>,
    callers: InstanceCache<CallerId, Checked>,
    pools: InstanceCache<Owner, Pooled>,
    reporting: BackgroundTask,
}

/// The lease of a tenant.
#[derive(Debug)]
struct Held {
    tenant: Tenant,
    process: ProcessId,
    number: i64,
    change: i64,
    /// The end of its validity, in microseconds.
    until: u64,
    /// The time from which it is renewed, in microseconds.
    renewal_from: u64,
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

/// A call that was admitted under a lease.
pub(super) struct HeldCall {
    pub(super) tenant: Tenant,
    /// The state of its limits.
    pub(super) meter: Meter,
    /// Whether the lease must be renewed now.
    pub(super) is_renewal_due: bool,
}

/// A call of a credential.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    tenant: Uuid,
    caller: CallerId,
    owner: Owner,
    pub(super) metering: Metering,
    arrived: u64,
}

impl Subject {
    /// Returns the renewal of the lease under which this call was admitted.
    pub(super) fn renewal(self) -> Self {
        let metering = match self.metering {
            Metering::All => Metering::Renewal,
            other => other,
        };
        Self { metering, ..self }
    }

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
    /// Admits a call of a user under a lease. Returns `None` if the call must ask Redis.
    pub(super) fn admit_user(&self, subject: &Subject, claims: &Claims) -> Option<HeldCall> {
        let (held, checked) = self.checked(subject)?;
        match checked.caller {
            Caller::User { user, version } if user == claims.sub && version == claims.ver => {
                self.take(subject, &held)
            }
            _ => None,
        }
    }

    /// Admits a call of an API key under a lease, like [`admit_user`](Self::admit_user).
    pub(super) fn admit_api_key(
        &self,
        subject: &Subject,
        arrival: Arrival,
    ) -> Option<(HeldCall, Rc<ApiKeyRecord>)> {
        let (held, checked) = self.checked(subject)?;
        match (&checked.caller, subject.caller) {
            (Caller::ApiKey(record), CallerId::ApiKey(hash))
                if record.is_valid(&hash, arrival.at) =>
            {
                Some((self.take(subject, &held)?, Rc::clone(record)))
            }
            _ => None,
        }
    }

    /// Returns the lease of the tenant, and the caller if it was checked under this lease.
    fn checked(&self, subject: &Subject) -> Option<(Rc<RefCell<Held>>, Rc<Checked>)> {
        let lease = self.tenants.get(&subject.tenant)?;
        let held = lease.borrow();
        if subject.arrived >= held.until {
            return None;
        }
        let checked = self.callers.get(&subject.caller).filter(|checked| {
            checked.tenant == subject.tenant
                && checked.change == held.change
                && subject.arrived.saturating_sub(checked.at) < CHECKED_MICROS
        })?;
        drop(held);
        Some((lease, checked))
    }

    /// Takes a prepaid call.
    fn take(&self, subject: &Subject, held: &RefCell<Held>) -> Option<HeldCall> {
        let held = held.borrow();
        let pooled = self.pools.get(&subject.owner)?;
        let mut pool = pooled.pool.borrow_mut();
        let Taken { meter, is_renewal_due } = match subject.metering {
            Metering::All => pool.take(subject.arrived)?,
            Metering::None => Taken {
                meter: Meter::default(),
                // The calls that are counted renew the lease themselves, with their demand.
                is_renewal_due: !pool.is_asking
                    && subject.arrived >= held.renewal_from
                    && !pool.is_in_use(subject.arrived),
            },
            Metering::Caller | Metering::Peek | Metering::Renewal => return None,
        };
        Some(HeldCall { tenant: held.tenant.clone(), meter, is_renewal_due })
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
        let Some(held) = self.tenants.get(&tenant) else { return 0 };
        let mut held = held.borrow_mut();
        match held.unreported {
            Some((number, from)) if held.process == process && now >= from => {
                // The current lease is next, if it is a later one.
                held.unreported = (held.number > number).then_some((held.number, held.ended_from));
                number
            }
            _ => 0,
        }
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
        self.hold(Held {
            tenant: tenant.clone(),
            process: lease.process,
            number: lease.number,
            change,
            until,
            renewal_from: renewal_from(subject.arrived, until),
            ended_from,
            unreported: Some((lease.number, ended_from)),
        });
        pooled.api_key.set(api_key);
        record_admitted(context, subject.owner, pooled);
        if matches!(subject.metering, Metering::All | Metering::Renewal) {
            pooled.pool.borrow_mut().start(lease, found.meter.clone(), subject.arrived, until);
        }
        reporting::schedule(context, self);
    }

    /// Replaces the lease of a tenant, unless the instance has received a later one in the meantime.
    fn hold(&self, new: Held) {
        let tenant = new.tenant.id;
        let Some(held) = self.tenants.get(&tenant) else {
            return self.tenants.put(tenant, Rc::new(RefCell::new(new)));
        };
        let mut held = held.borrow_mut();
        if held.process != new.process {
            *held = new;
        } else if held.number < new.number {
            // A busy instance renews its lease before it has ended, so an earlier one is reported first.
            let unreported = held.unreported.or(new.unreported);
            *held = Held { unreported, ..new };
        }
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
