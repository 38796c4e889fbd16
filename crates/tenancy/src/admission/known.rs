//! What Redis knows of tenants, users, sessions and API keys.

use std::{sync::LazyLock, time::Duration};

use uuid::Uuid;

use super::entry::{OPEN, TOMBSTONE, api_key_key, session_key, tenant_key, user_key};
use super::observation;
use crate::{
    crypto::Sealed,
    log,
    platform::redis::{Argument, ProcessId, RedisError, Reply, Script},
    quota::{
        Limit, Meter,
        seen::{self, Owner, Seen},
    },
    tenancy::Tenancy,
};

/// How often a call asks again while another one compares a version with PostgreSQL, before it does so
/// itself.
const WAITS: u32 = 16;
/// How long it waits before it asks again.
const WAIT: Duration = Duration::from_millis(3);

static ADMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../quota/carry.lua"), include_str!("admit.lua")))
});

/// What Redis knows of one thing.
#[derive(Default)]
pub(super) struct Known {
    pub(super) version: Option<i64>,
    standing: Standing,
    /// The snapshot, where it is another than the instance has.
    pub(super) snapshot: Option<Sealed>,
}

/// Whether a version counts.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is to be compared with PostgreSQL.
    #[default]
    ToCompare,
    /// Another call compares it just now.
    IsBeingCompared,
    /// It was compared a moment ago.
    Counts,
    /// It counts, and this call has to see to it that it is compared soon.
    Due,
}

impl Known {
    /// A version with its snapshot, which is to be compared.
    #[cfg(test)]
    pub(super) fn new(version: i64, snapshot: Option<Sealed>) -> Self {
        Self { version: Some(version), snapshot, ..Self::default() }
    }

    /// Whether it need not be compared again.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.standing, Standing::Counts | Standing::Due)
    }

    /// Whether this call has to see to it that it is compared soon.
    pub(super) fn is_due(&self) -> bool {
        self.standing == Standing::Due
    }

    /// Whether it is known to be no more.
    pub(super) fn has_ended(&self) -> bool {
        self.version == Some(TOMBSTONE)
    }

    pub(super) fn is_open(&self) -> Option<bool> {
        self.version.map(|version| version == OPEN)
    }
}

/// What Redis knows of a call.
#[derive(Default)]
pub(super) struct Found {
    pub(super) tenant: Known,
    pub(super) caller: Known,
    pub(super) session: Known,
    /// The process that replied, where it is certain.
    pub(super) process: Option<ProcessId>,
    /// The time of Redis, in seconds since 1970.
    pub(super) redis_seconds: Option<i64>,
    /// Whether Redis was there to ask.
    pub(super) is_answered: bool,
    /// What came of counting the call.
    pub(super) counted: Counted,
    /// Where its limits stand.
    pub(super) meter: Meter,
}

/// What came of counting a call.
#[derive(Default)]
pub(super) enum Counted {
    /// It was not counted: nothing is to be, or Redis does not know that the caller may act.
    #[default]
    No,
    /// It was counted; this call has to see to the checkpoints that are due.
    Yes { day: Day, is_tenant_due: bool, is_key_due: bool },
    /// A limit is reached.
    Refused { limit: &'static str, day: Day },
    /// Redis does not know what was used on the day.
    Unknown(Day),
}

/// The day of a count.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) number: i64,
    /// The seconds until its end.
    pub(super) left: u32,
}

/// What is counted of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metering {
    /// The limits of the tenant and of the API key.
    All,
    /// The limits of the API key alone: the tenant's were counted by another credential.
    Caller,
    /// Nothing, but tell of all.
    Peek,
    /// Nothing.
    None,
}

/// The limits in the order in which the script tells of them, with the seconds of their windows.
const LIMITS: [(&str, u32); 4] =
    [("minute", MINUTE), ("day", 86_400), ("key-minute", MINUTE), ("key-day", 86_400)];
/// The seconds of a day.
const DAY: i64 = 86_400;
/// The seconds of a minute.
const MINUTE: u32 = 60;

/// The milliseconds from now, in microseconds, until a time, in microseconds.
fn left_of(until: i64, now: u64) -> i64 {
    let until = u64::try_from(until).unwrap_or(0);
    i64::try_from(until.saturating_sub(now) / 1_000).unwrap_or(i64::MAX)
}

impl Found {
    /// What the script answered: the snapshots of the tenant and of the caller, and numbers.
    fn read(replies: Vec<Reply>, process: Option<ProcessId>) -> Self {
        let mut replies = replies.into_iter();
        let mut bytes = || match replies.next() {
            Some(Reply::Bytes(bytes)) => Some(bytes),
            _ => None,
        };
        let snapshots = [bytes(), bytes()];
        let numbers = bytes().unwrap_or_default();
        let mut numbers = numbers.as_chunks::<8>().0.iter().copied().map(i64::from_be_bytes);
        let mut next = || numbers.next().filter(|number| *number >= 0);
        let mut known = |snapshot: Option<Vec<u8>>| Known {
            version: next(),
            standing: match next() {
                Some(1) => Standing::IsBeingCompared,
                Some(2) => Standing::Counts,
                Some(3) => Standing::Due,
                _ => Standing::ToCompare,
            },
            snapshot: snapshot.map(Sealed),
        };
        let [tenant, caller] = snapshots.map(&mut known);
        let session = known(None);
        let (outcome, reached) = (next(), next());
        let number = next().unwrap_or(0);
        let left = next().and_then(|left| u32::try_from(left).ok()).unwrap_or(0).max(1);
        let day = Day { number, left };
        let redis_seconds = number * DAY + DAY - i64::from(left);
        let counted = match outcome {
            Some(outcome @ (1 | 4..=6)) => Counted::Yes {
                day,
                is_tenant_due: matches!(outcome, 4 | 6),
                is_key_due: matches!(outcome, 5 | 6),
            },
            Some(2) => {
                let index = reached.and_then(|place| usize::try_from(place - 1).ok());
                let limit = index.and_then(|index| LIMITS.get(index)).unwrap_or(&LIMITS[0]);
                Counted::Refused { limit: limit.0, day }
            }
            Some(3) => Counted::Unknown(day),
            _ => Counted::No,
        };
        let limits = LIMITS.into_iter().filter_map(|(name, window)| {
            let (limit, used, reset) = (next(), next(), next());
            let reset = u32::try_from(reset?).unwrap_or(0);
            Some(Limit { name, limit: limit?, used: used?, window, reset })
        });
        let meter = Meter { limits: limits.collect() };
        Self {
            tenant,
            caller,
            session,
            process,
            redis_seconds: Some(redis_seconds),
            is_answered: true,
            counted,
            meter,
        }
    }

    /// What was due when `before` was told is, although only the first call is told.
    fn stays_due(&mut self, before: &Self) {
        let known = [&mut self.tenant, &mut self.caller, &mut self.session];
        for (now, before) in
            known.into_iter().zip([&before.tenant, &before.caller, &before.session])
        {
            if before.is_due() && now.standing == Standing::Counts {
                now.standing = Standing::Due;
            }
        }
    }

    /// Whether another call finds out what this one needs to know, and nothing is left for this one.
    fn is_to_wait(&self) -> bool {
        let standings = [&self.tenant, &self.caller, &self.session].map(|known| known.standing);
        standings.contains(&Standing::IsBeingCompared) && !standings.contains(&Standing::ToCompare)
    }
}

/// The usage of a day that PostgreSQL has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) tenant: i64,
    pub(super) api_key: i64,
    /// The number of the day.
    pub(super) day: i64,
}

/// What a call needs to know.
pub(super) struct Question {
    keys: Vec<String>,
    owners: Vec<Owner>,
}

impl Question {
    pub(super) fn of_user(tenant: Uuid, user: Uuid, session: Uuid) -> Self {
        Self {
            keys: vec![tenant_key(tenant), user_key(tenant, user), session_key(tenant, session)],
            owners: vec![Owner::Tenant(tenant)],
        }
    }

    pub(super) fn of_api_key(tenant: Uuid, hash: [u8; 32]) -> Self {
        Self {
            keys: vec![tenant_key(tenant), api_key_key(tenant, &hash)],
            owners: vec![Owner::Tenant(tenant), Owner::ApiKey(hash)],
        }
    }

    /// Remembers the counters that the script returned, in case that Redis restarts.
    pub(super) fn remember(&self, tenancy: &Tenancy, found: &Found, day: Day) {
        let (Some(process), meter) = (found.process, &found.meter) else { return };
        let now = tenancy.platform.clock.monotonic_micros();
        let seen = |name: &str| {
            let limit = meter.limits.iter().find(|limit| limit.name == name)?;
            let until = if limit.window == MINUTE {
                let reset = u64::from(limit.reset) * 1_000_000;
                i64::try_from(now.saturating_add(reset)).unwrap_or(i64::MAX)
            } else {
                day.number
            };
            Some(Seen { process, used: limit.used, until })
        };
        for (owner, names) in self.owners.iter().zip([[0, 1], [2, 3]]) {
            let [minute, day] = names.map(|name| seen(LIMITS[name].0));
            tenancy.seen_usage.calls(*owner, minute, day);
        }
    }

    /// Asks Redis, and counts the call; without Redis nothing is known. `kept` is the usage of the day that
    /// PostgreSQL has.
    ///
    /// Many calls at once find that a version is to be compared with PostgreSQL: one of them does, and
    /// the others wait for it.
    pub(super) async fn ask(
        &self,
        tenancy: &Tenancy,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        kept: Option<Kept>,
    ) -> Found {
        let mut found = self.ask_once(tenancy, versions, metering, kept).await;
        for _ in 0..WAITS {
            if !found.is_to_wait() {
                break;
            }
            tenancy.platform.executor.sleep(WAIT).await;
            let before = found;
            found = self.ask_once(tenancy, versions, metering, kept).await;
            found.stays_due(&before);
        }
        found
    }

    /// The same without waiting for another call. A kept connection that broke is replaced on the second try, which
    /// may lead to a new process.
    pub(super) async fn ask_once(
        &self,
        tenancy: &Tenancy,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        kept: Option<Kept>,
    ) -> Found {
        let mut before = tenancy.platform.redis.process();
        let mut replies = self.run(tenancy, versions, metering, kept).await;
        if matches!(replies, Err(RedisError::Unavailable(_))) {
            before = tenancy.platform.redis.process();
            replies = self.run(tenancy, versions, metering, kept).await;
        }
        match replies {
            Ok(replies) => {
                let after = tenancy.platform.redis.process();
                let found = Found::read(replies, after.filter(|after| before == Some(*after)));
                observation::note_time(tenancy, &found);
                found
            }
            Err(error) => {
                let error = error.into();
                log::warning(
                    tenancy,
                    "Redis unavailable; reading versions from PostgreSQL",
                    &error,
                );
                Found::default()
            }
        }
    }

    async fn run(
        &self,
        tenancy: &Tenancy,
        (tenant_version, caller_version): (Option<i64>, Option<i64>),
        metering: Metering,
        kept: Option<Kept>,
    ) -> Result<Vec<Reply>, RedisError> {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let metering = match metering {
            Metering::All => "all",
            Metering::Caller => "caller",
            Metering::Peek => "peek",
            Metering::None => "none",
        };
        let mut arguments = vec![
            Argument::Int(tenant_version.unwrap_or(0)),
            Argument::Int(caller_version.unwrap_or(0)),
            metering.into(),
        ];
        let earlier = tenancy.seen_usage.earlier_calls(tenancy, &self.owners);
        if kept.is_some() || earlier.iter().any(Option::is_some) {
            match kept {
                Some(Kept { tenant, api_key, day }) => {
                    arguments.extend([tenant, api_key, day].map(Argument::Int));
                }
                None => arguments.extend([Argument::from(""); 3]),
            }
            let now = tenancy.platform.clock.monotonic_micros();
            for (seen, (_, window)) in earlier.iter().zip(LIMITS) {
                seen::append(&mut arguments, seen.as_ref(), |seen| match window {
                    MINUTE => left_of(seen.until, now),
                    _ => seen.until,
                });
            }
        }
        ADMIT.run(&*tenancy.platform.redis, &keys, &arguments).await
    }
}
