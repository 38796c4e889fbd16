//! The statements on `tenant_api_keys`. The statement that activates a tenant also creates its first key; see
//! `tenant::repo`.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{ApiKey, ApiKeyChange, ApiKeyRecord, CallLimit, Environment, MOST, NewApiKey};
use crate::{
    access::Grants,
    error::Result,
    event::{Entry, outbox},
    input::{Patch, Text as _},
};

const COLUMNS: &str = "id, tenant_id, name, environment, prefix, key_hash, previous_key_hash,
    previous_expires_at AT TIME ZONE 'UTC' AS previous_expires_at, scopes,
    max_requests_per_minute, max_requests_per_day, version,
    created_at AT TIME ZONE 'UTC' AS created_at, expires_at AT TIME ZONE 'UTC' AS expires_at,
    last_used_at AT TIME ZONE 'UTC' AS last_used_at";

/// Creates a key. Returns `None` and writes nothing if the tenant has the maximum number of keys.
pub async fn insert(
    catalog: &dyn Connection,
    tenant: Uuid,
    id: Uuid,
    key: &ApiKey,
    new: &NewApiKey,
    entry: &Entry,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH inserted AS (
             INSERT INTO tenant_api_keys
                 (id, tenant_id, name, environment, key_hash, prefix, scopes,
                  max_requests_per_minute, max_requests_per_day, expires_at)
             SELECT :id::uuid, :tenant::uuid, :name::text, :environment::text, :hash::bytea,
                    :prefix::text, :scopes::text[], :per_minute::bigint, :per_day::bigint,
                    :expires_at::timestamp AT TIME ZONE 'UTC'
             WHERE (SELECT count(*) FROM tenant_api_keys
                    WHERE tenant_id = :tenant AND revoked_at IS NULL) < {MOST}
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM inserted",
        outbox::recorded_if("inserted")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("tenant", tenant)
        .bind("name", new.name.as_str())
        .bind("environment", new.environment.as_str())
        .bind("hash", key.hash().as_slice())
        .bind("prefix", key.prefix())
        .bind("scopes", new.scopes.names().map(str::to_owned).collect::<Vec<_>>())
        .bind("per_minute", new.max_requests_per_minute.map(CallLimit::get))
        .bind("per_day", new.max_requests_per_day.map(CallLimit::get))
        .bind("expires_at", new.expires_at)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Returns a page of a tenant's keys that are not revoked, the newest first, and the total number of such keys.
pub async fn list(
    catalog: &dyn Connection,
    tenant: Uuid,
    offset: u32,
    limit: u32,
) -> Result<(Rows<ApiKeyRecord>, i64)> {
    let statement = format!(
        "SELECT {COLUMNS} FROM tenant_api_keys WHERE tenant_id = $1 AND revoked_at IS NULL
         ORDER BY tenant_api_keys.created_at DESC, id DESC OFFSET $2 LIMIT $3"
    );
    let parameters = [tenant.into(), i64::from(offset).into(), i64::from(limit).into()];
    let rows = catalog.query(&statement, &parameters).await?;
    let count = "SELECT count(*) AS total FROM tenant_api_keys
                 WHERE tenant_id = $1 AND revoked_at IS NULL";
    let total = catalog.query_first(count, &[tenant.into()]).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    Ok((Rows::read(&rows, record), total))
}

/// Returns the number of keys of a tenant that are not revoked.
pub async fn count(catalog: &dyn Connection, tenant: Uuid) -> Result<i64> {
    let statement = "SELECT count(*) AS total FROM tenant_api_keys
                     WHERE tenant_id = $1 AND revoked_at IS NULL";
    let row = catalog.query_first(statement, &[tenant.into()]).await?;
    row.map_or(Ok(0), |row| Ok(row.get("total")?))
}

/// Returns a key of a tenant; `None` if it does not exist or was revoked.
pub async fn find(
    catalog: &dyn Connection,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM tenant_api_keys
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL"
    );
    read(catalog.query_first(&statement, &[tenant.into(), id.into()]).await)
}

/// Returns the key with a hash; `None` if it does not exist or was revoked.
pub async fn find_by_hash(
    catalog: &dyn Connection,
    tenant: Uuid,
    hash: &[u8],
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM tenant_api_keys
         WHERE tenant_id = $1 AND (key_hash = $2 OR previous_key_hash = $2) AND revoked_at IS NULL"
    );
    read(catalog.query_first(&statement, &[tenant.into(), hash.into()]).await)
}

/// Returns whether a key with a hash was revoked.
pub(crate) async fn was_revoked(
    catalog: &dyn Connection,
    tenant: Uuid,
    hash: &[u8],
) -> Result<bool> {
    let statement = "
        SELECT EXISTS (
            SELECT FROM tenant_api_keys
            WHERE tenant_id = $1 AND (key_hash = $2 OR previous_key_hash = $2)
              AND revoked_at IS NOT NULL
        ) AS was_revoked";
    let row = catalog.query_first(statement, &[tenant.into(), hash.into()]).await?;
    Ok(row.map_or(Ok(false), |row| row.get("was_revoked"))?)
}

/// Returns the key with a hash and records its use, to the minute; `None` if it does not exist or was revoked.
pub async fn record_use(
    catalog: &dyn Connection,
    tenant: Uuid,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH found AS (
             SELECT * FROM tenant_api_keys
             WHERE tenant_id = $1 AND (key_hash = $2 OR previous_key_hash = $2)
               AND revoked_at IS NULL
         ), recorded AS (
             UPDATE tenant_api_keys k SET last_used_at = $3::timestamp AT TIME ZONE 'UTC'
             FROM found f
             WHERE k.id = f.id AND COALESCE(f.last_used_at, '-infinity')
                                   < $3::timestamp AT TIME ZONE 'UTC' - interval '1 minute'
         )
         SELECT {COLUMNS} FROM found"
    );
    read(catalog.query_first(&statement, &[tenant.into(), hash.into(), now.into()]).await)
}

/// Returns the versions of keys by tenant and hash, and records their use, to the minute. Keys that do not exist or
/// were revoked are omitted.
pub(crate) async fn record_uses(
    catalog: &dyn Connection,
    keys: &HashSet<(Uuid, [u8; 32])>,
    now: DateTime<Utc>,
) -> Result<HashMap<(Uuid, [u8; 32]), i64>> {
    // Skips the use of keys that another transaction has locked, so that two instances never wait for each other.
    let statement = "
        WITH found AS (
            SELECT k.id, k.tenant_id, decode(a.hash, 'hex') AS hash, k.version
            FROM jsonb_to_recordset($1) AS a (tenant uuid, hash text)
            JOIN tenant_api_keys k ON k.tenant_id = a.tenant AND k.revoked_at IS NULL
                AND (k.key_hash = decode(a.hash, 'hex') OR k.previous_key_hash = decode(a.hash, 'hex'))
        ), recorded AS (
            UPDATE tenant_api_keys SET last_used_at = $2::timestamp AT TIME ZONE 'UTC'
            WHERE id IN (
                SELECT id FROM tenant_api_keys
                WHERE id IN (SELECT id FROM found) AND COALESCE(last_used_at, '-infinity')
                          < $2::timestamp AT TIME ZONE 'UTC' - interval '1 minute'
                FOR UPDATE SKIP LOCKED
            )
        )
        SELECT tenant_id, hash, version FROM found";
    let asked = keys
        .iter()
        .map(|(tenant, hash)| json!({ "tenant": tenant, "hash": base16ct::lower::encode_string(hash) }))
        .collect();
    let rows = catalog.query(statement, &[Json::Array(asked).into(), now.into()]).await?;
    let versions = rows.iter().map(|row| {
        let hash = <[u8; 32]>::try_from(row.get::<Vec<u8>>("hash")?).map_err(|_| {
            SqlError::Decode("the hash of an API key has an invalid length".to_owned())
        })?;
        Ok(((row.get("tenant_id")?, hash), row.get("version")?))
    });
    Ok(versions.collect::<Result<_, SqlError>>()?)
}

/// Updates a key. Returns `None` and writes nothing if the key no longer matches `old`.
pub async fn update(
    catalog: &dyn Connection,
    tenant: Uuid,
    old: &ApiKeyRecord,
    change: &ApiKeyChange,
    entry: &Entry,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH before AS MATERIALIZED (
             SELECT id, name, max_requests_per_minute, max_requests_per_day FROM tenant_api_keys
             WHERE tenant_id = :tenant AND id = :id AND version = :version AND revoked_at IS NULL
             FOR UPDATE
         ), changed AS (
             UPDATE tenant_api_keys k SET
                 name = COALESCE(:name::text, k.name),
                 max_requests_per_minute = CASE WHEN :has_per_minute THEN :per_minute::bigint
                                                ELSE k.max_requests_per_minute END,
                 max_requests_per_day = CASE WHEN :has_per_day THEN :per_day::bigint
                                             ELSE k.max_requests_per_day END,
                 version = k.version + 1
             FROM before b WHERE k.id = b.id
             RETURNING k.*
         ), recorded AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             SELECT :entry_id::uuid, :entry_tenant::uuid, jsonb_set(:entry::jsonb, '{{detail}}',
                 :entry::jsonb -> 'detail' || jsonb_build_object(
                     'before', to_jsonb(b) - 'id',
                     'after', jsonb_build_object('name', c.name,
                         'max_requests_per_minute', c.max_requests_per_minute,
                         'max_requests_per_day', c.max_requests_per_day)))
             FROM before b, changed c
         )
         SELECT {COLUMNS} FROM changed"
    );
    let limit =
        |limit: Patch<CallLimit>| (limit.is_given(), limit.into_option().map(CallLimit::get));
    let per_minute = limit(change.max_requests_per_minute);
    let per_day = limit(change.max_requests_per_day);
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("id", old.id)
        .bind("name", change.name.as_ref().map(super::KeyName::as_str))
        .bind("has_per_minute", per_minute.0)
        .bind("per_minute", per_minute.1)
        .bind("has_per_day", per_day.0)
        .bind("per_day", per_day.1)
        .bind("version", old.version)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Replaces the secret of a key. Returns `None` and writes nothing if the key no longer matches `old`.
pub async fn rotate(
    catalog: &dyn Connection,
    tenant: Uuid,
    old: &ApiKeyRecord,
    key: &ApiKey,
    previous_expires_at: DateTime<Utc>,
    entry: &Entry,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH rotated AS (
             UPDATE tenant_api_keys SET
                 key_hash = :hash, prefix = :prefix, previous_key_hash = key_hash,
                 previous_expires_at = :previous_expires_at::timestamp AT TIME ZONE 'UTC',
                 version = version + 1
             WHERE tenant_id = :tenant AND id = :id AND key_hash = :old_hash AND version = :version
               AND revoked_at IS NULL
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM rotated",
        outbox::recorded_if("rotated")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("id", old.id)
        .bind("old_hash", old.hash.clone())
        .bind("hash", key.hash().as_slice())
        .bind("prefix", key.prefix())
        .bind("previous_expires_at", previous_expires_at)
        .bind("version", old.version)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Revokes a key and returns it. Returns `None` and writes nothing if the key no longer matches `old`.
pub async fn revoke(
    catalog: &dyn Connection,
    tenant: Uuid,
    old: &ApiKeyRecord,
    entry: &Entry,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH revoked AS (
             UPDATE tenant_api_keys SET revoked_at = now(), version = version + 1
             WHERE tenant_id = :tenant AND id = :id AND version = :version AND revoked_at IS NULL
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM revoked",
        outbox::recorded_if("revoked")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("id", old.id)
        .bind("version", old.version)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// The name of a key.
pub(crate) struct Named {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) prefix: String,
}

/// Returns the names of a tenant's keys after one of them, in the order of their ids, including revoked keys.
pub(crate) async fn list_names(
    catalog: &dyn Connection,
    tenant: Uuid,
    after: Uuid,
) -> Result<Vec<Named>> {
    let statement = "SELECT id, name, prefix FROM tenant_api_keys WHERE tenant_id = $1 AND id > $2
                     ORDER BY id LIMIT 500";
    let rows = catalog.query(statement, &[tenant.into(), after.into()]).await?;
    let names = rows.iter().map(|row| {
        Ok(Named { id: row.get("id")?, name: row.get("name")?, prefix: row.get("prefix")? })
    });
    Ok(names.collect::<Result<_, SqlError>>()?)
}

/// Renames a key, also a revoked one. Returns the key if it is not revoked.
pub(crate) async fn rename(
    catalog: &dyn Connection,
    tenant: Uuid,
    id: Uuid,
    name: &str,
    entry: &Entry,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "WITH renamed AS (
             UPDATE tenant_api_keys SET name = :name, version = version + 1
             WHERE tenant_id = :tenant AND id = :id RETURNING *
         ), {}
         SELECT {COLUMNS} FROM renamed WHERE revoked_at IS NULL",
        outbox::recorded_if("renamed")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("id", id)
        .bind("name", name)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Returns the ids of the keys with a prefix: those that are not revoked, or else the revoked ones.
pub async fn list_by_prefix(
    catalog: &dyn Connection,
    tenant: Uuid,
    prefix: &str,
) -> Result<Vec<Uuid>> {
    let statement = "
        WITH found AS (
            SELECT id, revoked_at IS NULL AS is_current FROM tenant_api_keys
            WHERE tenant_id = $1 AND prefix = $2
        )
        SELECT id FROM found WHERE is_current = (SELECT bool_or(is_current) FROM found)";
    let rows = catalog.query(statement, &[tenant.into(), prefix.into()]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect::<Result<_, SqlError>>()?)
}

/// Returns a revoked key; `None` if there is none with this id.
pub async fn find_revoked(
    catalog: &dyn Connection,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<ApiKeyRecord>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM tenant_api_keys
         WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NOT NULL"
    );
    read(catalog.query_first(&statement, &[tenant.into(), id.into()]).await)
}

fn read(row: Result<Option<Row>, SqlError>) -> Result<Option<ApiKeyRecord>> {
    Ok(row?.as_ref().map(record).transpose()?)
}

fn record(row: &Row) -> Result<ApiKeyRecord, SqlError> {
    let names: Vec<String> = row.get("scopes")?;
    let grants = Grants::from_stored(names.iter().map(String::as_str));
    Ok(ApiKeyRecord {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        name: row.get("name")?,
        environment: Environment::parse(&row.get::<String>("environment")?)
            .map_err(|_| SqlError::Decode("an API key has an invalid environment".to_owned()))?,
        prefix: row.get("prefix")?,
        hash: row.get("key_hash")?,
        previous_hash: row.get("previous_key_hash")?,
        previous_expires_at: row.get("previous_expires_at")?,
        scopes: grants.scopes,
        permissions: grants.permissions,
        max_requests_per_minute: row.get("max_requests_per_minute")?,
        max_requests_per_day: row.get("max_requests_per_day")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}
