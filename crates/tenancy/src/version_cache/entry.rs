//! Cache entries of tenants, users, sessions and API keys, as they are sent to Redis.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use platform::redis::{Argument, ProcessId, RedisError, Script, Target};
use uuid::Uuid;

use crate::{
    context::Context,
    crypto::Sealed,
    error::Result,
    lease::{self, Outstanding},
    redis_key,
    version_cache::Observation,
};

/// The number of seconds for which an entry is trusted while PostgreSQL is unavailable.
pub(crate) const TRUSTED_SECONDS: i64 = 600;
/// The version of a tombstone. It is higher than any other version, so a value that was read before the end and arrives
/// after it has no effect. It is also the largest integer up to which Lua's numbers are exact.
pub(crate) const TOMBSTONE: i64 = 9_007_199_254_740_991;
/// The version of an open session.
pub(crate) const OPEN: i64 = 1;

static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    let constants = [("TOMBSTONE", TOMBSTONE)];
    Script::with_constants(&constants, &[lease::RECORD, include_str!("publish.lua")])
});
static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));

/// A version of one object, with all data that a request needs of it.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) version: i64,
    snapshot: Vec<u8>,
    id: String,
    per_minute: String,
    per_day: String,
    expiry: String,
}

impl Entry {
    /// Returns an entry that has only a version.
    pub(crate) fn bare(key: String, version: i64) -> Self {
        let (snapshot, id, per_minute, per_day, expiry) = Default::default();
        Self { key, version, snapshot, id, per_minute, per_day, expiry }
    }

    /// Adds a sealed snapshot of the object.
    pub(crate) fn with_snapshot(self, Sealed(snapshot): Sealed) -> Self {
        Self { snapshot, ..self }
    }

    /// Adds the limits on calls per minute and per day.
    pub(crate) fn with_limits(self, per_minute: Option<i64>, per_day: Option<i64>) -> Self {
        Self { per_minute: text(per_minute), per_day: text(per_day), ..self }
    }

    /// Adds the id of an API key, and the time at which its secret expires.
    pub(crate) fn with_key(self, id: Uuid, expiry: Option<DateTime<Utc>>) -> Self {
        let expiry = text(expiry.map(|expiry| expiry.timestamp()));
        Self { id: id.to_string(), expiry, ..self }
    }

    /// Returns the tombstone of a tenant.
    pub(crate) fn tenant_tombstone(tenant: Uuid) -> Self {
        Self::bare(redis_key::tenant(tenant), TOMBSTONE)
    }

    /// Returns the entry of a user.
    pub(crate) fn user(tenant: Uuid, user: Uuid, version: i64) -> Self {
        Self::bare(redis_key::user(tenant, user), version)
    }

    /// Returns the tombstone of a user.
    pub(crate) fn user_tombstone(tenant: Uuid, user: Uuid) -> Self {
        Self::bare(redis_key::user(tenant, user), TOMBSTONE)
    }

    /// Returns the entry of an open session.
    pub(crate) fn session(tenant: Uuid, session: Uuid) -> Self {
        Self::bare(redis_key::session(tenant, session), OPEN)
    }

    /// Returns the tombstone of a session.
    pub(crate) fn session_tombstone(tenant: Uuid, session: Uuid) -> Self {
        Self::bare(redis_key::session(tenant, session), TOMBSTONE)
    }

    /// Returns the tombstone of one secret of an API key.
    pub(crate) fn api_key_tombstone(tenant: Uuid, hash: &[u8]) -> Self {
        Self::bare(redis_key::api_key(tenant, hash), TOMBSTONE)
    }

    /// Stores the entry as fresh. PostgreSQL had this version at the time of the observation. Returns the leases that
    /// may depend on an earlier version.
    ///
    /// # Errors
    /// [`RedisError::OtherProcess`] if Redis has restarted since then.
    pub(crate) async fn store(
        &self,
        context: &Context,
        observation: Observation,
        cause: Cause,
    ) -> Result<Outstanding, RedisError> {
        let target = observation.target().ok_or(RedisError::OtherProcess)?;
        let age = (observation.seconds_ago(context), observation.redis_seconds());
        self.publish(context, target, Some(age), cause).await
    }

    async fn publish(
        &self,
        context: &Context,
        target: Target,
        age: Option<(i64, Option<i64>)>,
        cause: Cause,
    ) -> Result<Outstanding, RedisError> {
        let seconds_ago = text(age.map(|age| age.0));
        let redis_seconds = text(age.and_then(|age| age.1));
        let arguments = [
            Argument::Int(self.version),
            Argument::Int(TRUSTED_SECONDS),
            Argument::from(&seconds_ago),
            Argument::Bytes(&self.snapshot),
            Argument::from(&self.id),
            Argument::from(&self.per_minute),
            Argument::from(&self.per_day),
            Argument::from(&self.expiry),
            Argument::from(&redis_seconds),
            Argument::Int(lease::change_token(context)),
            Argument::Int((cause == Cause::Change).into()),
        ];
        let keys = [self.key.as_str()];
        let replies = PUBLISH.run_on(&*context.platform.redis, target, &keys, &arguments).await?;
        Ok(Outstanding::read(&replies))
    }
}

/// The reason why a version is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A change that ends or alters a credential.
    Change,
    /// PostgreSQL was queried for the version.
    Query,
}

/// Invalidates every version below `version` in the current Redis process. The next request compares the entry with
/// PostgreSQL. Returns the leases that may depend on those versions, and the process if it is certain.
pub(crate) async fn invalidate(
    context: &Context,
    key: &str,
    version: i64,
) -> Result<(Outstanding, Option<ProcessId>), RedisError> {
    let target = Target { process: None, is_urgent: true };
    // A tombstone is final, so there is nothing to compare.
    let age = (version == TOMBSTONE).then_some((0, None));
    let before = context.platform.redis.process();
    let outstanding =
        Entry::bare(key.to_owned(), version).publish(context, target, age, Cause::Change).await?;
    let after = context.platform.redis.process();
    Ok((outstanding, after.filter(|after| before == Some(*after))))
}

/// Refreshes the entries of one tenant whose versions equal those in PostgreSQL at the time of the observation. Returns
/// for each entry whether it was refreshed. The others must be stored again.
pub(crate) async fn confirm(
    context: &Context,
    versions: &[(String, i64)],
    observation: Observation,
) -> Result<Vec<bool>> {
    let target = observation.target().ok_or(RedisError::OtherProcess)?;
    let keys: Vec<&str> = versions.iter().map(|(key, _)| key.as_str()).collect();
    let redis_seconds = text(observation.redis_seconds());
    let mut arguments = vec![
        Argument::Int(TRUSTED_SECONDS),
        Argument::Int(observation.seconds_ago(context)),
        Argument::from(&redis_seconds),
    ];
    arguments.extend(versions.iter().map(|(_, version)| Argument::Int(*version)));
    let replies = CONFIRM.run_on(&*context.platform.redis, target, &keys, &arguments).await?;
    Ok(replies.iter().map(|reply| reply.as_int() == Some(1)).collect())
}

fn text(number: Option<i64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
