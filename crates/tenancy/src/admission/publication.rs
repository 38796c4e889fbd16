//! What Redis is told of tenants, users, sessions and API keys.

use std::sync::LazyLock;

use uuid::Uuid;

use super::snapshot::seal;
use crate::{
    api_key::ApiKeyRecord,
    crypto::Sealed,
    error::Result,
    hex, log,
    platform::redis::{Argument, Script},
    tenancy::Tenancy,
    tenant::{Status, TenantRecord},
};

/// Seconds for which a version counts where PostgreSQL is away.
const REMEMBERED: i64 = 600;
/// The version of what is no more. It is higher than any other, so that what was read before the end
/// and comes after it changes nothing. Lua's numbers are exact up to it.
pub(super) const ENDED: i64 = 9_007_199_254_740_991;
/// The version of a session that goes on.
pub(super) const OPEN: i64 = 1;

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
    let published = PUBLISH.run_with_retry(&*tenancy.platform.redis, &[key], &arguments).await;
    if let Err(error) = published {
        log::warning(tenancy, "a version was not noted in Redis", &error.into());
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
    let replies = CONFIRM.run_with_retry(&*tenancy.platform.redis, &keys, &arguments).await?;
    Ok(replies.iter().map(|reply| reply.as_int() == Some(1)).collect())
}
