//! The state of tenants, users, sessions and API keys in Redis.

use std::{sync::LazyLock, time::Duration};

use platform::redis::{Argument, ProcessId, RedisError, Reply, Script};
use uuid::Uuid;

use crate::{
    context::Context,
    crypto::Sealed,
    log,
    quota::{
        Limit, Meter,
        seen::{self, Owner, Seen, SeenUsage},
    },
    redis_key,
    version_cache::{OPEN, TOMBSTONE, record_time},
};

/// The maximum number of times that a call asks again while another call compares a version with PostgreSQL. After
/// that, it compares the version itself.
const WAITS: u32 = 16;
/// The pause before it asks again.
const WAIT: Duration = Duration::from_millis(3);

static ADMIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../quota/carry.lua"), include_str!("admit.lua")))
});

/// The cache entry of one object.
#[derive(Default)]
pub(super) struct CachedVersion {
    pub(super) version: Option<i64>,
    freshness: Freshness,
    /// The snapshot, if the instance does not have this version of it.
    pub(super) snapshot: Option<Sealed>,
}

/// The freshness of a cached version.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    /// Stale: this call must compare it with PostgreSQL.
    #[default]
    Stale,
    /// Revalidating: another call is comparing it.
    Revalidating,
    /// Fresh: it was compared recently.
    Fresh,
    /// Refresh due: it is still fresh, and this call must schedule its comparison.
    RefreshDue,
}

impl CachedVersion {
    /// Returns the version, and the snapshot from Redis.
    pub(super) fn versioned(&self) -> (Option<i64>, Option<&Sealed>) {
        (self.version, self.snapshot.as_ref())
    }

    /// Returns whether the version is valid without another comparison.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.freshness, Freshness::Fresh | Freshness::RefreshDue)
    }

    /// Returns whether this call must schedule a comparison.
    pub(super) fn is_due(&self) -> bool {
        self.freshness == Freshness::RefreshDue
    }

    /// Returns whether the entry is a tombstone.
    pub(super) fn has_ended(&self) -> bool {
        self.version == Some(TOMBSTONE)
    }

    pub(super) fn is_open(&self) -> Option<bool> {
        self.version.map(|version| version == OPEN)
    }
}

/// The reply of Redis to a call.
#[derive(Default)]
pub(super) struct Lookup {
    pub(super) tenant: CachedVersion,
    pub(super) caller: CachedVersion,
    pub(super) session: CachedVersion,
    /// The process that replied, if it is certain.
    pub(super) process: Option<ProcessId>,
    /// The time of Redis, in seconds since 1970.
    pub(super) redis_seconds: Option<i64>,
    /// Whether Redis was available.
    pub(super) is_answered: bool,
    /// The result of counting the call.
    pub(super) counted: Counted,
    /// The state of the caller's limits.
    pub(super) meter: Meter,
}

/// The result of counting a call.
#[derive(Default)]
pub(super) enum Counted {
    /// It was not counted: either counting was not requested, or Redis does not know that the caller may act.
    #[default]
    No,
    /// It was counted.
    Yes { day: Day, due: DueCheckpoints },
    /// A limit is exceeded.
    Refused { limit: &'static str, day: Day, due: DueCheckpoints },
    /// Redis does not have the usage of the day.
    Unknown(Day),
}

/// The checkpoints that a call must write.
#[derive(Clone, Copy)]
pub(super) struct DueCheckpoints {
    pub(super) tenant: bool,
    pub(super) api_key: bool,
}

/// The day of a count.
#[derive(Clone, Copy)]
pub(super) struct Day {
    pub(super) number: i64,
    /// The number of seconds until its end.
    pub(super) left: u32,
}

/// The limits that a call counts against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metering {
    /// The limits of the tenant and of the API key.
    All,
    /// The limits of the API key only. Another credential has counted the call against the tenant's limits.
    Caller,
    /// None, but report all of them.
    Peek,
    /// None.
    None,
}

/// The limits in the order in which the script reports them, with the lengths of their windows in seconds.
const LIMITS: [(&str, u32); 4] =
    [("minute", MINUTE), ("day", 86_400), ("key-minute", MINUTE), ("key-day", 86_400)];
/// The number of seconds in a day.
const DAY: i64 = 86_400;
/// The number of seconds in a minute.
const MINUTE: u32 = 60;

/// Returns the milliseconds from `now` until `until`, which are both in microseconds.
fn left_of(until: i64, now: u64) -> i64 {
    let until = u64::try_from(until).unwrap_or(0);
    i64::try_from(until.saturating_sub(now) / 1_000).unwrap_or(i64::MAX)
}

impl Lookup {
    /// Parses the reply of the script: the snapshots of the tenant and of the caller, and the numbers.
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
        let mut read = |snapshot: Option<Vec<u8>>| CachedVersion {
            version: next(),
            freshness: match next() {
                Some(1) => Freshness::Revalidating,
                Some(2) => Freshness::Fresh,
                Some(3) => Freshness::RefreshDue,
                _ => Freshness::Stale,
            },
            snapshot: snapshot.map(Sealed),
        };
        let [tenant, caller] = snapshots.map(&mut read);
        let session = read(None);
        let (outcome, reached) = (next(), next());
        let number = next().unwrap_or(0);
        let left = next().and_then(|left| u32::try_from(left).ok()).unwrap_or(0).max(1);
        let day = Day { number, left };
        let redis_seconds = number * DAY + DAY - i64::from(left);
        let due = DueCheckpoints {
            tenant: matches!(outcome, Some(4 | 6 | 7 | 9)),
            api_key: matches!(outcome, Some(5 | 6 | 8 | 9)),
        };
        let counted = match outcome {
            Some(1 | 4..=6) => Counted::Yes { day, due },
            Some(2 | 7..=9) => {
                let index = reached.and_then(|place| usize::try_from(place - 1).ok());
                let limit = index.and_then(|index| LIMITS.get(index)).unwrap_or(&LIMITS[0]);
                Counted::Refused { limit: limit.0, day, due }
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

    /// Carries over from `before` that a refresh is due. The script reports it only to the first call.
    fn stays_due(&mut self, before: &Self) {
        let versions = [&mut self.tenant, &mut self.caller, &mut self.session];
        for (now, before) in
            versions.into_iter().zip([&before.tenant, &before.caller, &before.session])
        {
            if before.is_due() && now.freshness == Freshness::Fresh {
                now.freshness = Freshness::RefreshDue;
            }
        }
    }

    /// Returns whether another call is revalidating all stale entries of this call.
    fn is_to_wait(&self) -> bool {
        let all = [&self.tenant, &self.caller, &self.session].map(|version| version.freshness);
        all.contains(&Freshness::Revalidating) && !all.contains(&Freshness::Stale)
    }
}

/// The usage of a day in PostgreSQL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) tenant: i64,
    pub(super) api_key: i64,
    /// The number of the day, in days since 1970.
    pub(super) day: i64,
}

/// The cache entries and counters that a call needs.
pub(super) struct LookupRequest {
    keys: Vec<String>,
    owners: Vec<Owner>,
}

impl LookupRequest {
    pub(super) fn of_user(tenant: Uuid, user: Uuid, session: Uuid) -> Self {
        Self {
            keys: vec![
                redis_key::tenant(tenant),
                redis_key::user(tenant, user),
                redis_key::session(tenant, session),
            ],
            owners: vec![Owner::Tenant(tenant)],
        }
    }

    pub(super) fn of_api_key(tenant: Uuid, hash: [u8; 32]) -> Self {
        Self {
            keys: vec![redis_key::tenant(tenant), redis_key::api_key(tenant, &hash)],
            owners: vec![Owner::Tenant(tenant), Owner::ApiKey(hash)],
        }
    }

    /// Keeps the counters that the script returned, in case Redis restarts.
    pub(super) fn remember(&self, context: &Context, found: &Lookup, day: Day) {
        let (Some(process), meter) = (found.process, &found.meter) else { return };
        let now = context.platform.clock.monotonic_micros();
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
            context.state::<SeenUsage>().calls(*owner, minute, day);
        }
    }

    /// Asks Redis and counts the call. If Redis is unavailable, nothing is known. `kept` is the usage of the day in
    /// PostgreSQL.
    ///
    /// When many calls find a stale version at once, one call compares it with PostgreSQL and the others wait.
    pub(super) async fn ask(
        &self,
        context: &Context,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        kept: Option<Kept>,
    ) -> Lookup {
        let mut found = self.ask_once(context, versions, metering, kept).await;
        for _ in 0..WAITS {
            if !found.is_to_wait() {
                break;
            }
            context.platform.executor.sleep(WAIT).await;
            let before = found;
            found = self.ask_once(context, versions, metering, kept).await;
            found.stays_due(&before);
        }
        found
    }

    /// Asks Redis without waiting for another call. After a failure of a kept connection, the second attempt opens a
    /// new one, which may lead to a new process.
    pub(super) async fn ask_once(
        &self,
        context: &Context,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        kept: Option<Kept>,
    ) -> Lookup {
        let mut before = context.platform.redis.process();
        let mut replies = self.run(context, versions, metering, kept).await;
        if matches!(replies, Err(RedisError::Unavailable(_))) {
            before = context.platform.redis.process();
            replies = self.run(context, versions, metering, kept).await;
        }
        match replies {
            Ok(replies) => {
                let after = context.platform.redis.process();
                let found = Lookup::read(replies, after.filter(|after| before == Some(*after)));
                record_time(context, found.process, found.redis_seconds);
                found
            }
            Err(error) => {
                let error = error.into();
                log::warning(
                    context,
                    "Redis unavailable; reading versions from PostgreSQL",
                    &error,
                );
                Lookup::default()
            }
        }
    }

    async fn run(
        &self,
        context: &Context,
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
        let earlier = context.state::<SeenUsage>().earlier_calls(context, &self.owners);
        if kept.is_some() || earlier.iter().any(Option::is_some) {
            match kept {
                Some(Kept { tenant, api_key, day }) => {
                    arguments.extend([tenant, api_key, day].map(Argument::Int));
                }
                None => arguments.extend([Argument::from(""); 3]),
            }
            let now = context.platform.clock.monotonic_micros();
            for (seen, (_, window)) in earlier.iter().zip(LIMITS) {
                seen::append(&mut arguments, seen.as_ref(), |seen| match window {
                    MINUTE => left_of(seen.until, now),
                    _ => seen.until,
                });
            }
        }
        ADMIT.run(&*context.platform.redis, &keys, &arguments).await
    }
}
