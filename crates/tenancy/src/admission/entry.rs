//! Cache entries of tenants, users, sessions and API keys, as they are sent to Redis.

use std::sync::LazyLock;

use uuid::Uuid;

use super::{observation::Observation, snapshot::seal};
use crate::{
    api_key::ApiKeyRecord,
    crypto::Sealed,
    error::Result,
    hex,
    platform::redis::{Argument, RedisError, Script, Target},
    tenancy::Tenancy,
    tenant::{Status, TenantRecord},
};

/// The number of seconds for which an entry is trusted while PostgreSQL is unavailable.
pub(super) const TRUSTED_SECONDS: i64 = 600;
/// The version of a tombstone. It is higher than any other version, so a value that was read before the end and arrives
/// after it has no effect. It is also the largest integer up to which Lua's numbers are exact.
pub(super) const TOMBSTONE: i64 = 9_007_199_254_740_991;
/// The version of an open session.
pub(super) const OPEN: i64 = 1;

static PUBLISH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("publish.lua")));
static CONFIRM: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("confirm.lua")));

// The braces put all keys of a tenant into one hash slot of a Redis cluster.

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

/// A version of one object, with all data that a request needs of it.
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) version: i64,
    snapshot: Vec<u8>,
    id: String,
    per_minute: String,
    per_day: String,
    expiry: String,
}

impl Entry {
    fn bare(key: String, version: i64) -> Self {
        let (snapshot, id, per_minute, per_day, expiry) = Default::default();
        Self { key, version, snapshot, id, per_minute, per_day, expiry }
    }

    /// Returns the entry of a tenant in its current state in the catalog.
    pub(super) fn tenant(tenancy: &Tenancy, record: &TenantRecord) -> Result<Self> {
        let Sealed(snapshot) = seal(tenancy, record.id, record)?;
        // A tenant that takes no requests has no limits: nothing is counted.
        let limits = (record.status == Status::Active).then_some(&record.limits);
        Ok(Self {
            snapshot,
            per_minute: text(limits.map(|limits| limits.requests_per_minute)),
            per_day: text(limits.map(|limits| limits.api_calls)),
            ..Self::bare(tenant_key(record.id), record.version)
        })
    }

    /// Returns the tombstone of a tenant.
    pub(super) fn ended_tenant(tenant: Uuid) -> Self {
        Self::bare(tenant_key(tenant), TOMBSTONE)
    }

    /// Returns the entry of a user.
    pub(super) fn user(tenant: Uuid, user: Uuid, version: i64) -> Self {
        Self::bare(user_key(tenant, user), version)
    }

    /// Returns the tombstone of a user.
    pub(super) fn ended_user(tenant: Uuid, user: Uuid) -> Self {
        Self::bare(user_key(tenant, user), TOMBSTONE)
    }

    /// Returns the entry of an open session.
    pub(super) fn session(tenant: Uuid, session: Uuid) -> Self {
        Self::bare(session_key(tenant, session), OPEN)
    }

    /// Returns the tombstone of a session.
    pub(super) fn ended_session(tenant: Uuid, session: Uuid) -> Self {
        Self::bare(session_key(tenant, session), TOMBSTONE)
    }

    /// Returns the entries of an API key in its current state in the catalog, one for each of its secrets.
    pub(super) fn api_key(tenancy: &Tenancy, record: &ApiKeyRecord) -> Result<Vec<Self>> {
        let Sealed(snapshot) = seal(tenancy, record.tenant, record)?;
        let secrets = [
            (Some(&record.hash), None),
            (record.previous_hash.as_ref(), record.previous_expires_at),
        ];
        let entries = secrets.into_iter().filter_map(|(hash, previous_expiry)| {
            let expiry = [record.expires_at, previous_expiry].into_iter().flatten().min();
            Some(Self {
                snapshot: snapshot.clone(),
                id: record.id.to_string(),
                per_minute: text(record.max_requests_per_minute),
                per_day: text(record.max_requests_per_day),
                expiry: text(expiry.map(|expiry| expiry.timestamp())),
                ..Self::bare(api_key_key(record.tenant, hash?), record.version)
            })
        });
        Ok(entries.collect())
    }

    /// Returns the tombstone of one secret of an API key.
    pub(super) fn ended_api_key(tenant: Uuid, hash: &[u8]) -> Self {
        Self::bare(api_key_key(tenant, hash), TOMBSTONE)
    }

    /// Stores the entry as fresh. PostgreSQL had this version at the time of the observation.
    ///
    /// # Errors
    /// [`RedisError::OtherProcess`] if Redis has restarted since then.
    pub(super) async fn store(
        &self,
        tenancy: &Tenancy,
        observation: Observation,
    ) -> Result<(), RedisError> {
        let target = observation.target().ok_or(RedisError::OtherProcess)?;
        let age = (observation.seconds_ago(tenancy), observation.redis_seconds());
        self.publish(tenancy, target, Some(age)).await
    }

    async fn publish(
        &self,
        tenancy: &Tenancy,
        target: Target,
        age: Option<(i64, Option<i64>)>,
    ) -> Result<(), RedisError> {
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
        ];
        let keys = [self.key.as_str()];
        PUBLISH.run_on(&*tenancy.platform.redis, target, &keys, &arguments).await.map(drop)
    }
}

/// Invalidates every version below `version` in the current Redis process. The next request compares the entry with
/// PostgreSQL.
pub(super) async fn invalidate(
    tenancy: &Tenancy,
    key: &str,
    version: i64,
) -> Result<(), RedisError> {
    let target = Target { process: None, is_urgent: true };
    // A tombstone is final, so there is nothing to compare.
    let age = (version == TOMBSTONE).then_some((0, None));
    Entry::bare(key.to_owned(), version).publish(tenancy, target, age).await
}

/// Refreshes the entries of one tenant whose versions equal those in PostgreSQL at the time of the observation. Returns
/// for each entry whether it was refreshed. The others must be stored again.
pub(super) async fn confirm(
    tenancy: &Tenancy,
    versions: &[(String, i64)],
    observation: Observation,
) -> Result<Vec<bool>> {
    let target = observation.target().ok_or(RedisError::OtherProcess)?;
    let keys: Vec<&str> = versions.iter().map(|(key, _)| key.as_str()).collect();
    let redis_seconds = text(observation.redis_seconds());
    let mut arguments = vec![
        Argument::Int(TRUSTED_SECONDS),
        Argument::Int(observation.seconds_ago(tenancy)),
        Argument::from(&redis_seconds),
    ];
    arguments.extend(versions.iter().map(|(_, version)| Argument::Int(*version)));
    let replies = CONFIRM.run_on(&*tenancy.platform.redis, target, &keys, &arguments).await?;
    Ok(replies.iter().map(|reply| reply.as_int() == Some(1)).collect())
}

fn text(number: Option<i64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
