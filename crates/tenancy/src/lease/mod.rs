//! Leases: the record of a tenant's leases in Redis, and the wait of a change for their end.
//!
//! docs/decisions/0015-leases.md describes the protocol. `record.lua` and `grant.lua` are parts of the scripts that
//! read or grant leases. [`crate::admission`] holds the leases of an instance, and [`crate::version_cache`] has the
//! changes that wait for them.

mod serving;
mod wait;

use std::{sync::LazyLock, time::Duration};

use platform::redis::{Argument, ProcessId, RedisError, Script};
use uuid::Uuid;

pub(crate) use wait::{Outstanding, Wait, before_refusal};

use crate::{context::Context, redis_key};

/// The part of a script that reads and settles the leases of a tenant.
pub(crate) const RECORD: &str = include_str!("record.lua");
/// The part of a script that grants leases, after [`RECORD`].
pub(crate) const GRANT: &str = include_str!("grant.lua");

/// The constants of [`GRANT`] and of the scripts that use it.
pub(crate) const CONSTANTS: &[(&str, i64)] = &[
    // The seconds for which the record of a tenant's leases is kept. A change that finds no record does not wait, so a
    // forward step of Redis's clock during a lease must be shorter than this.
    ("LEASES_KEPT", 30 * 24 * 60 * 60),
    // A lease gets at most this part of the smallest remainder of the caller's limits.
    ("PREPAID_SHARE", 64),
];

static REPORT: LazyLock<Script> =
    LazyLock::new(|| Script::new([RECORD, include_str!("report.lua")].concat()));

/// A lease as Redis granted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The process that granted it.
    pub(crate) process: ProcessId,
    /// Its number among the leases of the tenant.
    pub(crate) number: i64,
    /// The number of calls that were taken from the limits in advance.
    pub(crate) units: i64,
    /// The milliseconds until the first window of the units ends, from the time of the grant.
    pub(crate) milliseconds_left: i64,
    /// The number of the day of the units.
    pub(crate) day: i64,
}

/// An instance's report: the end of its use of a lease, and the number up to which all leases have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    /// The process of the leases. Another one ignores the report.
    pub(crate) process: ProcessId,
    /// The number up to which all leases of the tenant have ended; 0 if unknown.
    pub(crate) ended: i64,
    /// The lease and the number of its unused units.
    pub(crate) lease: Option<(Granted, i64)>,
}

impl Report {
    fn pack(&self) -> Vec<u8> {
        let mut packed = self.process.digits().to_vec();
        let (lease, unused) = self.lease.map_or((0, 0), |(lease, unused)| (lease.number, unused));
        for number in [self.ended, lease, unused] {
            packed.extend(number.to_be_bytes());
        }
        packed
    }
}

/// A request for a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// The report of the previous lease.
    pub(crate) report: Report,
    /// The validity of the lease, for which a change waits.
    pub(crate) validity: Duration,
    /// The number of units; `None` to learn only the change token.
    pub(crate) units: Option<i64>,
}

impl Request {
    /// Returns the bytes that `grant.lua` reads.
    pub(crate) fn pack(&self, context: &Context) -> Vec<u8> {
        let mut packed = self.report.pack();
        let milliseconds = i64::try_from(self.validity.as_millis()).unwrap_or(i64::MAX);
        for number in [milliseconds, self.units.unwrap_or(-1), change_token(context)] {
            packed.extend(number.to_be_bytes());
        }
        packed
    }
}

/// Returns a random change token. Lua represents it exactly.
pub(crate) fn change_token(context: &Context) -> i64 {
    i64::from_be_bytes(context.platform.random.bytes()) & ((1 << 52) - 1)
}

/// Returns the part of a lease's validity in which its holder uses it. The rest allows for the rates of two clocks: the
/// kernel corrects a clock by up to 10 % in either direction (`adjtimex(2)`), so they differ by up to 1.1 / 0.9.
pub(crate) fn usable(validity: Duration) -> Duration {
    validity / 5 * 4
}

/// Records a change that concerns all credentials of a tenant. `name` is the name of the record of its leases, with the
/// identity of the process.
pub(crate) async fn change(context: &Context, name: &[u8]) -> Result<(), RedisError> {
    let source = [RECORD, include_str!("change.lua")].concat();
    let token = Argument::Int(change_token(context));
    let arguments = [Argument::from(&source), Argument::Int(1), Argument::Bytes(name), token];
    context.platform.redis.execute("EVAL", &arguments).await.map(drop)
}

/// The checkpoints that an instance must write after a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DueCheckpoints {
    /// Whether that of the tenant's calls is due.
    pub(crate) tenant: bool,
    /// Whether that of the API key's calls is due.
    pub(crate) api_key: bool,
}

/// Reports the ends of leases of a tenant. Returns the checkpoints that are due after each report. `interval` is the
/// time after which another instance must write the same checkpoint.
pub(crate) async fn report(
    context: &Context,
    tenant: Uuid,
    reports: &[Report],
    interval: Duration,
) -> Result<Vec<DueCheckpoints>, RedisError> {
    let packed: Vec<_> = reports.iter().map(Report::pack).collect();
    let interval = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let arguments: Vec<_> = std::iter::once(Argument::Int(interval))
        .chain(packed.iter().map(|report| Argument::Bytes(report)))
        .collect();
    let key = redis_key::leases(tenant);
    let replies = REPORT.run(&*context.platform.redis, &[&key], &arguments).await?;
    let due = replies.iter().map(|reply| {
        let due = reply.as_int().unwrap_or(0);
        DueCheckpoints { tenant: due & 1 != 0, api_key: due & 2 != 0 }
    });
    Ok(due.collect())
}

/// Reports that all leases of a tenant up to one have ended.
pub(crate) async fn report_end(
    context: &Context,
    tenant: Uuid,
    process: ProcessId,
    ended: i64,
) -> Result<(), RedisError> {
    let end = Report { process, ended, lease: None };
    // No checkpoint follows a report without a lease, so the interval has no effect.
    report(context, tenant, &[end], Duration::from_secs(1)).await.map(drop)
}
