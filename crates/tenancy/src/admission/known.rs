//! What Redis knows of tenants, users, sessions and API keys.

use std::{sync::LazyLock, time::Duration};

use uuid::Uuid;

use super::snapshot::seal;
use crate::{
    api_key::ApiKeyRecord,
    crypto::Sealed,
    error::Result,
    hex, log,
    platform::redis::{Argument, RedisError, Reply, Script},
    quota::{Limit, Meter},
    tenancy::Tenancy,
    tenant::{Status, TenantRecord},
};

/// Seconds for which a version counts where PostgreSQL is away.
const REMEMBERED: i64 = 600;
/// The version of what is no more. It is higher than any other, so that what was read before the end
/// and comes after it changes nothing. Lua's numbers are exact up to it.
const ENDED: i64 = 9_007_199_254_740_991;
/// How often a call asks again while another one compares a version with PostgreSQL, before it does so
/// itself.
const WAITS: u32 = 16;
/// How long it waits before it asks again.
const WAIT: Duration = Duration::from_millis(3);
/// The version of a session that goes on.
pub(super) const OPEN: i64 = 1;

static ADMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("admit.lua")));
static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("publish.lua")));
static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));

// The braces make all of a tenant one hash slot of a cluster.

pub(super) fn tenant_key(tenant: Uuid) -> String {
    key(tenant, "tenant", "")
}

pub(super) fn user_key(tenant: Uuid, user: Uuid) -> String {
    key(tenant, "user:", user.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

pub(super) fn session_key(tenant: Uuid, session: Uuid) -> String {
    key(tenant, "session:", session.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
}

pub(super) fn api_key_key(tenant: Uuid, hash: &[u8]) -> String {
    key(tenant, "api_key:", &hex::encode(hash))
}

fn key(tenant: Uuid, kind: &str, id: &str) -> String {
    let mut buffer = Uuid::encode_buffer();
    let tenant = tenant.hyphenated().encode_lower(&mut buffer);
    ["t:{", tenant, "}:", kind, id].concat()
}

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
        self.version == Some(ENDED)
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
    /// It was counted; whether this call has to see to it that the day's counter is kept.
    Yes { day: Day, is_to_be_kept: bool },
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
    [("minute", 60), ("day", 86_400), ("key-minute", 60), ("key-day", 86_400)];

impl Found {
    /// What the script answered: the snapshots of the tenant and of the caller, and numbers.
    fn read(replies: Vec<Reply>) -> Self {
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
        let counted = match outcome {
            Some(1) => Counted::Yes { day, is_to_be_kept: false },
            Some(4) => Counted::Yes { day, is_to_be_kept: true },
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
        Self { tenant, caller, session, is_answered: true, counted, meter }
    }

    /// What was told to see to something before has to, although it was not told again.
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

/// What a call needs to know.
pub(super) struct Question {
    keys: Vec<String>,
}

impl Question {
    pub(super) fn of_user(tenant: Uuid, user: Uuid, session: Uuid) -> Self {
        Self {
            keys: vec![tenant_key(tenant), user_key(tenant, user), session_key(tenant, session)],
        }
    }

    pub(super) fn of_api_key(tenant: Uuid, hash: &[u8]) -> Self {
        Self { keys: vec![tenant_key(tenant), api_key_key(tenant, hash)] }
    }

    /// Asks Redis, and counts the call; without Redis nothing is known. `used` is what PostgreSQL has
    /// of the calls of a day.
    ///
    /// Many calls at once find that a version is to be compared with PostgreSQL: one of them does, and
    /// the others wait for it.
    pub(super) async fn ask(
        &self,
        tenancy: &Tenancy,
        versions: (Option<i64>, Option<i64>),
        metering: Metering,
        used: Option<(i64, i64)>,
    ) -> Found {
        let mut found = self.ask_once(tenancy, versions, metering, used).await;
        for _ in 0..WAITS {
            if !found.is_to_wait() {
                break;
            }
            tenancy.platform.executor.sleep(WAIT).await;
            let before = found;
            found = self.ask_once(tenancy, versions, metering, used).await;
            found.stays_due(&before);
        }
        found
    }

    /// The same without waiting for another call.
    pub(super) async fn ask_once(
        &self,
        tenancy: &Tenancy,
        (tenant_version, caller_version): (Option<i64>, Option<i64>),
        metering: Metering,
        used: Option<(i64, i64)>,
    ) -> Found {
        let redis = &*tenancy.platform.redis;
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
        if let Some((used, day)) = used {
            arguments.extend([Argument::Int(used), Argument::Int(day)]);
        }
        let replies = match ADMIT.run(redis, &keys, &arguments).await {
            // A kept connection that broke is replaced on the second try.
            Err(RedisError::Unavailable(_)) => ADMIT.run(redis, &keys, &arguments).await,
            answer => answer,
        };
        match replies {
            Ok(replies) => Found::read(replies),
            Err(error) => {
                log::warning(tenancy, "versions are read from PostgreSQL", &error.into());
                Found::default()
            }
        }
    }
}

/// Notes what PostgreSQL says of a tenant now.
pub(crate) async fn publish_tenant(tenancy: &Tenancy, record: &TenantRecord) {
    match seal(tenancy, record.id, record) {
        Ok(Sealed(snapshot)) => {
            let key = tenant_key(record.id);
            // One that takes no requests has no limits: nothing is counted.
            let limits = (record.status == Status::Active).then_some(&record.limits);
            let text =
                |limit: Option<i64>| limit.map_or_else(String::new, |limit| limit.to_string());
            let per_minute = text(limits.map(|limits| limits.requests_per_minute));
            let per_day = text(limits.map(|limits| limits.api_calls));
            let more: [Argument<'_>; 4] = [
                Argument::Bytes(&snapshot),
                "".into(),
                Argument::from(&per_minute),
                Argument::from(&per_day),
            ];
            publish(tenancy, &key, record.version, &more).await;
        }
        Err(error) => log::warning(tenancy, "a snapshot was not noted in Redis", &error),
    }
}

/// Notes that PostgreSQL had these versions of things of one tenant, by their keys, when it was asked so many
/// seconds ago. Tells of each whether Redis has the same: what it has otherwise is to be published.
pub(super) async fn confirm(
    tenancy: &Tenancy,
    versions: &[(String, i64)],
    seconds_ago: i64,
) -> Result<Vec<bool>> {
    let keys: Vec<&str> = versions.iter().map(|(key, _)| key.as_str()).collect();
    let mut arguments = vec![Argument::Int(REMEMBERED), Argument::Int(seconds_ago)];
    arguments.extend(versions.iter().map(|(_, version)| Argument::Int(*version)));
    let redis = &*tenancy.platform.redis;
    let replies = match CONFIRM.run(redis, &keys, &arguments).await {
        // A kept connection that broke is replaced on the second try.
        Err(RedisError::Unavailable(_)) => CONFIRM.run(redis, &keys, &arguments).await?,
        answer => answer?,
    };
    Ok(replies.iter().map(|reply| reply.as_int() == Some(1)).collect())
}

/// Notes that a tenant is no more.
pub(crate) async fn retire_tenant(tenancy: &Tenancy, tenant: Uuid) {
    publish(tenancy, &tenant_key(tenant), ENDED, &[]).await;
}

/// Notes what PostgreSQL says of a user now.
pub(crate) async fn publish_user(tenancy: &Tenancy, tenant: Uuid, user: Uuid, version: i64) {
    publish(tenancy, &user_key(tenant, user), version, &[]).await;
}

/// Notes that a user is no more.
pub(crate) async fn retire_user(tenancy: &Tenancy, tenant: Uuid, user: Uuid) {
    publish(tenancy, &user_key(tenant, user), ENDED, &[]).await;
}

/// Notes that a session goes on.
pub(crate) async fn publish_session(tenancy: &Tenancy, tenant: Uuid, session: Uuid) {
    publish(tenancy, &session_key(tenant, session), OPEN, &[]).await;
}

/// Notes that a session has ended.
pub(crate) async fn retire_session(tenancy: &Tenancy, tenant: Uuid, session: Uuid) {
    publish(tenancy, &session_key(tenant, session), ENDED, &[]).await;
}

/// Notes what the catalog says of an API key now, under each secret that it has.
pub(crate) async fn publish_api_key(tenancy: &Tenancy, record: &ApiKeyRecord) {
    let snapshot = match seal(tenancy, record.tenant, record) {
        Ok(Sealed(snapshot)) => snapshot,
        Err(error) => return log::warning(tenancy, "a snapshot was not noted in Redis", &error),
    };
    let id = record.id.to_string();
    let limit = |limit: Option<i64>| limit.map_or_else(String::new, |limit| limit.to_string());
    let per_minute = limit(record.max_requests_per_minute);
    let per_day = limit(record.max_requests_per_day);
    let secrets =
        [(Some(&record.hash), None), (record.previous_hash.as_ref(), record.previous_expires_at)];
    for (hash, previous_end) in secrets {
        let Some(hash) = hash else { continue };
        let end = [record.expires_at, previous_end].into_iter().flatten().min();
        let end = end.map_or_else(String::new, |end| end.timestamp().to_string());
        let more: [Argument<'_>; 5] = [
            Argument::Bytes(&snapshot),
            Argument::from(&id),
            Argument::from(&per_minute),
            Argument::from(&per_day),
            Argument::from(&end),
        ];
        publish(tenancy, &api_key_key(record.tenant, hash), record.version, &more).await;
    }
}

/// Notes that a secret of an API key is no more.
pub(crate) async fn retire_api_key(tenancy: &Tenancy, tenant: Uuid, hash: &[u8]) {
    publish(tenancy, &api_key_key(tenant, hash), ENDED, &[]).await;
}

/// Without Redis the next request asks PostgreSQL again, so a failure is only noted.
async fn publish(tenancy: &Tenancy, key: &str, version: i64, more: &[Argument<'_>]) {
    let mut arguments = vec![Argument::Int(version), Argument::Int(REMEMBERED)];
    arguments.extend_from_slice(more);
    let redis = &*tenancy.platform.redis;
    let published = match PUBLISH.run(redis, &[key], &arguments).await {
        Err(RedisError::Unavailable(_)) => PUBLISH.run(redis, &[key], &arguments).await,
        answer => answer,
    };
    if let Err(error) = published {
        log::warning(tenancy, "a version was not noted in Redis", &error.into());
    }
}
