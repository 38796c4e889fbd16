//! SQL statements on `operator_keys` and on the uses of `ADMIN_API_KEY`.
//!
//! The clock of the catalog determines expiry, so all instances agree on it.

use std::net::IpAddr;

use chrono::TimeDelta;
use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use uuid::Uuid;

use super::{MOST, NewOperatorKey, OperatorKey, OperatorKeyRecord, Refusal};
use crate::{
    access::OperatorScope,
    error::{Error, Result},
    event::{Entry, outbox},
    input::Text as _,
    networks::Networks,
};

const COLUMNS: &str = "id, name, prefix, scopes, allowed_networks::text[] AS allowed_networks,
    version, created_at AT TIME ZONE 'UTC' AS created_at, updated_at AT TIME ZONE 'UTC' AS updated_at,
    expires_at AT TIME ZONE 'UTC' AS expires_at, last_used_at AT TIME ZONE 'UTC' AS last_used_at,
    previous_expires_at AT TIME ZONE 'UTC' AS previous_expires_at";

/// Inserts a key. Returns `None` and writes nothing if the maximum number of keys is reached.
///
/// # Errors
/// [`Error::Taken`] if another key has the name.
pub async fn insert(
    catalog: &dyn Connection,
    id: Uuid,
    key: &OperatorKey,
    new: &NewOperatorKey,
    entry: &Entry,
) -> Result<Option<OperatorKeyRecord>> {
    let statement = format!(
        "WITH inserted AS (
             INSERT INTO operator_keys
                 (id, name, key_hash, prefix, scopes, expires_at, allowed_networks)
             SELECT :id::uuid, :name::text, :hash::bytea, :prefix::text, :scopes::text[],
                    :expires_at::timestamp AT TIME ZONE 'UTC', :allowed_networks::text[]::cidr[]
             WHERE count_operator_keys() < {MOST}
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM inserted",
        outbox::recorded_if("inserted")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("name", new.name.as_str())
        .bind("hash", key.hash().as_slice())
        .bind("prefix", key.prefix())
        .bind("scopes", scope_names(&new.scopes))
        .bind("expires_at", new.expires_at)
        .bind("allowed_networks", new.allowed_networks.as_ref().map(Networks::texts))
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Returns the keys that are not revoked, the newest first, and their number.
pub async fn list(
    catalog: &dyn Connection,
    offset: u32,
    limit: u32,
) -> Result<(Rows<OperatorKeyRecord>, i64)> {
    let statement = format!(
        "SELECT {COLUMNS} FROM operator_keys WHERE revoked_at IS NULL
         ORDER BY operator_keys.created_at DESC, id DESC OFFSET $1 LIMIT $2"
    );
    let parameters = [i64::from(offset).into(), i64::from(limit).into()];
    let rows = catalog.query(&statement, &parameters).await?;
    let count = "SELECT count(*) AS total FROM operator_keys WHERE revoked_at IS NULL";
    let total = catalog.query_first(count, &[]).await?.map_or(Ok(0), |row| row.get("total"))?;
    Ok((Rows::read(&rows, record), total))
}

/// Returns a key, or `None` if it does not exist or is revoked.
pub async fn find(catalog: &dyn Connection, id: Uuid) -> Result<Option<OperatorKeyRecord>> {
    let statement =
        format!("SELECT {COLUMNS} FROM operator_keys WHERE id = $1 AND revoked_at IS NULL");
    read(catalog.query_first(&statement, &[id.into()]).await)
}

/// Returns the key with a hash and the reason to refuse it, if there is one. Returns `None` if no key ever had this
/// hash. Records an accepted use, to the minute. If the address is unknown, keys that are restricted to networks are
/// refused.
pub async fn verify(
    catalog: &dyn Connection,
    hash: [u8; 32],
    address: Option<IpAddr>,
) -> Result<Option<(OperatorKeyRecord, Option<Refusal>)>> {
    // The statement does not wait for another request that records the use or for an update of the key.
    let statement = format!(
        "WITH found AS (
             SELECT *, CASE
                 WHEN revoked_at IS NOT NULL THEN 'revoked'
                 WHEN expires_at <= now() OR (key_hash <> $1 AND previous_expires_at <= now())
                 THEN 'expired'
                 WHEN allowed_networks IS NOT NULL AND NOT EXISTS (
                     SELECT FROM unnest(allowed_networks) AS network
                     WHERE $2::text::inet <<= network)
                 THEN 'network'
             END AS refusal
             FROM operator_keys WHERE key_hash = $1 OR previous_key_hash = $1
         ), used AS (
             UPDATE operator_keys SET last_used_at = now() WHERE id IN (
                 SELECT id FROM operator_keys
                 WHERE id IN (SELECT id FROM found WHERE refusal IS NULL)
                   AND COALESCE(last_used_at, '-infinity') < now() - interval '1 minute'
                 FOR UPDATE SKIP LOCKED)
         )
         SELECT {COLUMNS}, refusal FROM found"
    );
    let address = address.map(|address| address.to_canonical().to_string());
    let parameters = [hash.as_slice().into(), address.into()];
    let Some(row) = catalog.query_first(&statement, &parameters).await? else { return Ok(None) };
    let refusal = match row.get::<Option<String>>("refusal")?.as_deref() {
        None => None,
        Some("revoked") => Some(Refusal::Revoked),
        Some("expired") => Some(Refusal::Expired),
        Some(_) => Some(Refusal::Network),
    };
    Ok(Some((record(&row)?, refusal)))
}

/// Updates a key to the properties in `new`. Returns `None` and writes nothing if the key no longer has the version of
/// `old`.
///
/// # Errors
/// [`Error::Taken`] if another key has the name.
pub async fn update(
    catalog: &dyn Connection,
    old: &OperatorKeyRecord,
    new: &NewOperatorKey,
    entry: &Entry,
) -> Result<Option<OperatorKeyRecord>> {
    let statement = format!(
        "WITH changed AS (
             UPDATE operator_keys SET name = :name::text, scopes = :scopes::text[],
                 expires_at = :expires_at::timestamp AT TIME ZONE 'UTC',
                 allowed_networks = :allowed_networks::text[]::cidr[],
                 version = version + 1, updated_at = now()
             WHERE id = :id AND version = :version AND revoked_at IS NULL
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM changed",
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("version", old.version)
        .bind("name", new.name.as_str())
        .bind("scopes", scope_names(&new.scopes))
        .bind("expires_at", new.expires_at)
        .bind("allowed_networks", new.allowed_networks.as_ref().map(Networks::texts))
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Replaces the secret of a key. The secret of `old` stays valid for `overlap`. Returns `None` and writes nothing if
/// the key no longer has the version of `old`.
pub async fn rotate(
    catalog: &dyn Connection,
    old: &OperatorKeyRecord,
    key: &OperatorKey,
    overlap: TimeDelta,
    entry: &Entry,
) -> Result<Option<OperatorKeyRecord>> {
    let statement = format!(
        "WITH rotated AS (
             UPDATE operator_keys SET
                 key_hash = :hash, prefix = :prefix, previous_key_hash = key_hash,
                 previous_expires_at = now() + :overlap::bigint * interval '1 second',
                 version = version + 1, updated_at = now()
             WHERE id = :id AND version = :version AND revoked_at IS NULL
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM rotated",
        outbox::recorded_if("rotated")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("version", old.version)
        .bind("hash", key.hash().as_slice())
        .bind("prefix", key.prefix())
        .bind("overlap", overlap.num_seconds())
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// Revokes a key. Returns `None` and writes nothing if the key no longer has the version of `old`.
pub async fn revoke(
    catalog: &dyn Connection,
    old: &OperatorKeyRecord,
    entry: &Entry,
) -> Result<Option<OperatorKeyRecord>> {
    let statement = format!(
        "WITH revoked AS (
             UPDATE operator_keys
             SET revoked_at = now(), version = version + 1, updated_at = now()
             WHERE id = :id AND version = :version AND revoked_at IS NULL
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM revoked",
        outbox::recorded_if("revoked")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("version", old.version)
        .bind_all(outbox::bindings(entry));
    read(statement.query_first(catalog).await)
}

/// The result of [`record_break_glass`].
pub struct BreakGlass {
    /// Whether there is a valid operator key.
    pub has_keys: bool,
    /// Whether this use was the first of its hour and was recorded in the outbox.
    pub is_recorded: bool,
}

/// Records a use of `ADMIN_API_KEY` if it is the first in an hour and there are valid operator keys.
pub async fn record_break_glass(catalog: &dyn Connection, entry: &Entry) -> Result<BreakGlass> {
    let statement = format!(
        "WITH keys AS (
             SELECT FROM operator_keys
             WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) LIMIT 1
         ), used AS (
             INSERT INTO break_glass_uses AS u (hour)
             SELECT date_trunc('hour', now(), 'UTC') FROM keys
             ON CONFLICT (only_row) DO UPDATE SET hour = excluded.hour WHERE u.hour < excluded.hour
             RETURNING hour
         ), {}
         SELECT EXISTS (SELECT FROM keys) AS has_keys, EXISTS (SELECT FROM used) AS is_recorded",
        outbox::recorded_if("used")
    );
    let statement = Statement::new(statement).bind_all(outbox::bindings(entry));
    let row = statement.query_first(catalog).await?;
    let row = row.ok_or_else(|| Error::internal("a statement returned no row"))?;
    Ok(BreakGlass { has_keys: row.get("has_keys")?, is_recorded: row.get("is_recorded")? })
}

fn scope_names(scopes: &[OperatorScope]) -> Vec<String> {
    scopes.iter().map(|scope| scope.as_str().to_owned()).collect()
}

fn read(row: Result<Option<Row>, SqlError>) -> Result<Option<OperatorKeyRecord>> {
    match row {
        Ok(row) => Ok(row.as_ref().map(record).transpose()?),
        Err(error) if error.constraint() == Some("operator_keys_by_name") => {
            Err(Error::Taken { field: "name", code: "operator_key_name_taken" })
        }
        Err(error) => Err(error.into()),
    }
}

fn record(row: &Row) -> Result<OperatorKeyRecord, SqlError> {
    let scopes: Vec<String> = row.get("scopes")?;
    let networks: Option<Vec<String>> = row.get("allowed_networks")?;
    let networks = networks.map(|texts| {
        Networks::of_texts(&texts)
            .ok_or_else(|| SqlError::Decode("an operator key has an invalid network".to_owned()))
    });
    Ok(OperatorKeyRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        // Scopes of a later version of this program are unknown to this version and are ignored.
        scopes: scopes.iter().filter_map(|name| OperatorScope::parse(name).ok()).collect(),
        allowed_networks: networks.transpose()?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        previous_expires_at: row.get("previous_expires_at")?,
    })
}
