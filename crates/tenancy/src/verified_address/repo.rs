//! SQL statements on `verified_address_changes` in the databases of tenants, and on `verified_addresses` and
//! `switching_tenants` in the catalog.

use platform::sql::{Connection, Row, SqlError, Statement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::PersonTenant;
use crate::{
    crypto::Fingerprints,
    error::Result,
    event::{Entry, outbox},
    tenant::TenantDb,
};

/// The number of changes in one publication.
const PAGE: i64 = 100;
/// The maximum number of tenants in a list.
const MOST: i64 = 100;

/// A change that the catalog may not have yet.
pub(super) struct Noted {
    pub(super) user: Uuid,
    /// The verified address; `None` if the user is not active, or has none.
    pub(super) address: Option<String>,
    /// The number of the change.
    pub(super) change: i64,
}

/// Returns changes that the catalog may not have yet.
pub(super) async fn list_changes(database: &TenantDb) -> Result<Vec<Noted>, SqlError> {
    let statement = "
        SELECT c.user_id, c.change, CASE WHEN u.is_active AND u.is_verified THEN u.email END AS address
        FROM verified_address_changes c LEFT JOIN users u ON u.id = c.user_id
        WHERE c.published < c.change ORDER BY c.user_id LIMIT $1";
    let rows = database.connection().query(statement, &[PAGE.into()]).await?;
    let changes = rows.iter().map(|row| {
        Ok(Noted {
            user: row.get("user_id")?,
            address: row.get("address")?,
            change: row.get("change")?,
        })
    });
    changes.collect()
}

/// A change with the hash of the address.
pub(super) struct Published {
    pub(super) user: Uuid,
    pub(super) hash: Option<[u8; 32]>,
    pub(super) change: i64,
}

fn to_json(changes: &[Published]) -> Json {
    let members = changes.iter().map(|change| {
        let hash = change.hash.map(|hash| base16ct::lower::encode_string(&hash));
        json!({ "user_id": change.user, "hash": hash, "change": change.change })
    });
    Json::Array(members.collect())
}

/// Stores changes in the catalog, unless it has later ones or the tenant was destroyed.
pub(super) async fn store(
    catalog: &dyn Connection,
    tenant: Uuid,
    key_id: [u8; 4],
    changes: &[Published],
) -> Result<()> {
    let statement = "
        INSERT INTO verified_addresses AS v (tenant_id, user_id, address_hash, key_id, change)
        SELECT t.id, c.user_id, decode(c.hash, 'hex'), $2::bytea, c.change
        FROM tenants t CROSS JOIN jsonb_to_recordset($3) AS c (user_id uuid, hash text, change bigint)
        WHERE t.id = $1
        ON CONFLICT (tenant_id, user_id) DO UPDATE
        SET address_hash = excluded.address_hash, key_id = excluded.key_id, change = excluded.change
        WHERE v.change < excluded.change";
    let parameters = [tenant.into(), key_id.as_slice().into(), to_json(changes).into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}

/// Records that the catalog has changes.
pub(super) async fn mark_published(database: &TenantDb, changes: &[Published]) -> Result<()> {
    let statement = "
        UPDATE verified_address_changes c SET published = greatest(c.published, p.change)
        FROM jsonb_to_recordset($1) AS p (user_id uuid, change bigint) WHERE c.user_id = p.user_id";
    database.connection().execute(statement, &[to_json(changes).into()]).await?;
    Ok(())
}

/// The condition on rows of deleted users, a day after their deletion. The catalog has this change.
const IS_DELETED: &str = "deleted_at < now() - interval '1 day' AND published = change";

/// Returns deleted users, a day after their deletion.
pub(super) async fn list_deleted(database: &TenantDb) -> Result<Vec<String>, SqlError> {
    let statement = format!(
        "SELECT user_id::text AS id FROM verified_address_changes WHERE {IS_DELETED} LIMIT {PAGE}"
    );
    let rows = database.connection().query(&statement, &[]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// Removes the traces of deleted users from the catalog.
pub(super) async fn remove_from_catalog(
    catalog: &dyn Connection,
    tenant: Uuid,
    users: &[String],
) -> Result<()> {
    let statement = "DELETE FROM verified_addresses WHERE tenant_id = $1 AND address_hash IS NULL
                       AND user_id = ANY($2::text[]::uuid[])";
    catalog.execute(statement, &[tenant.into(), users.to_vec().into()]).await?;
    Ok(())
}

/// Removes the traces of deleted users from the database of their tenant.
pub(super) async fn remove_deleted(database: &TenantDb, users: &[String]) -> Result<()> {
    let statement = format!(
        "DELETE FROM verified_address_changes WHERE user_id = ANY($1::text[]::uuid[]) AND {IS_DELETED}"
    );
    database.connection().execute(&statement, &[users.to_vec().into()]).await?;
    Ok(())
}

/// Notes a change of each user with a verified address, so that all addresses are published again.
pub(super) async fn note_all(database: &TenantDb) -> Result<()> {
    let statement = "UPDATE verified_address_changes SET change = change + 1";
    database.connection().execute(statement, &[]).await?;
    Ok(())
}

/// Returns the number of hashes of each tenant and key.
pub(super) async fn count_by_key(catalog: &dyn Connection) -> Result<Vec<(Uuid, Vec<u8>, i64)>> {
    let statement = "SELECT tenant_id, key_id, count(*) AS count FROM verified_addresses
                     WHERE address_hash IS NOT NULL GROUP BY tenant_id, key_id ORDER BY 1, 2";
    let rows = catalog.query(statement, &[]).await?;
    let counts =
        rows.iter().map(|row| Ok((row.get("tenant_id")?, row.get("key_id")?, row.get("count")?)));
    Ok(counts.collect::<Result<_, SqlError>>()?)
}

/// The condition that the row `v` has one of the hashes `:hashes`.
const HAS_HASH: &str =
    "v.address_hash IN (SELECT decode(h, 'hex') FROM unnest(:hashes::text[]) AS h)";

/// Returns the active tenants in which an active user has the address, by name.
pub(super) async fn list_tenants(
    catalog: &dyn Connection,
    hashes: &Fingerprints,
) -> Result<Vec<PersonTenant>> {
    let statement = format!(
        "SELECT DISTINCT t.name, t.id, t.slug
         FROM verified_addresses v JOIN tenants t ON t.id = v.tenant_id
         WHERE {HAS_HASH} AND t.status = 'active'
         ORDER BY t.name, t.id LIMIT {MOST}"
    );
    let statement = Statement::new(statement).bind("hashes", hashes.to_texts());
    let rows = statement.query(catalog).await?;
    Ok(rows.iter().map(person_tenant).collect::<Result<_, SqlError>>()?)
}

/// Returns the oldest active tenant in which an active user has the address.
pub(super) async fn find_first_tenant(
    catalog: &dyn Connection,
    hashes: &Fingerprints,
) -> Result<Option<Uuid>> {
    let statement = format!(
        "SELECT t.id FROM verified_addresses v JOIN tenants t ON t.id = v.tenant_id
         WHERE {HAS_HASH} AND t.status = 'active' ORDER BY t.created_at, t.id LIMIT 1"
    );
    let statement = Statement::new(statement).bind("hashes", hashes.to_texts());
    let row = statement.query_first(catalog).await?;
    Ok(row.map(|row| row.get("id")).transpose()?)
}

/// The condition that the tenants `own` and `t` name each other.
const NAME_EACH_OTHER: &str = "
    EXISTS (SELECT FROM switching_tenants s WHERE s.tenant_id = own.id AND t.id = ANY(s.others))
    AND EXISTS (SELECT FROM switching_tenants s WHERE s.tenant_id = t.id AND own.id = ANY(s.others))";

/// Returns the active tenants to which users of a tenant with the address may switch, by name.
pub(super) async fn list_targets(
    catalog: &dyn Connection,
    tenant: Uuid,
    hashes: &Fingerprints,
) -> Result<Vec<PersonTenant>> {
    let statement = format!(
        "SELECT DISTINCT t.name, t.id, t.slug
         FROM tenants own JOIN verified_addresses v ON {HAS_HASH} JOIN tenants t ON t.id = v.tenant_id
         WHERE own.id = :tenant AND t.id <> own.id AND t.status = 'active' AND {NAME_EACH_OTHER}
         ORDER BY t.name, t.id LIMIT {MOST}"
    );
    let statement =
        Statement::new(statement).bind("hashes", hashes.to_texts()).bind("tenant", tenant);
    let rows = statement.query(catalog).await?;
    Ok(rows.iter().map(person_tenant).collect::<Result<_, SqlError>>()?)
}

fn person_tenant(row: &Row) -> Result<PersonTenant, SqlError> {
    Ok(PersonTenant { id: row.get("id")?, slug: row.get("slug")?, name: row.get("name")? })
}

/// Returns whether two different tenants name each other.
pub(super) async fn name_each_other(
    catalog: &dyn Connection,
    tenant: Uuid,
    other: Uuid,
) -> Result<bool> {
    let statement = format!(
        "SELECT FROM tenants own, tenants t
         WHERE own.id = $1 AND t.id = $2 AND t.id <> own.id AND {NAME_EACH_OTHER}"
    );
    let parameters = [tenant.into(), other.into()];
    Ok(catalog.query_first(&statement, &parameters).await?.is_some())
}

/// Returns the tenants that a tenant names.
pub(super) async fn others(catalog: &dyn Connection, tenant: Uuid) -> Result<Vec<Uuid>> {
    let statement = "SELECT o::text AS id FROM switching_tenants, unnest(others) AS o
                     WHERE tenant_id = $1 ORDER BY o";
    let rows = catalog.query(statement, &[tenant.into()]).await?;
    let ids = rows.iter().map(|row| {
        let id: String = row.get("id")?;
        Uuid::parse_str(&id).map_err(|_| SqlError::Decode("invalid id of a tenant".to_owned()))
    });
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Replaces the tenants that a tenant names.
pub(super) async fn replace_others(
    catalog: &dyn Connection,
    tenant: Uuid,
    others: &[Uuid],
    entry: &Entry,
) -> Result<()> {
    let statement = format!(
        "WITH named AS (
             SELECT t.id, :others::text[]::uuid[] AS others FROM tenants t WHERE t.id = :tenant
         ), removed AS (
             DELETE FROM switching_tenants s USING named n
             WHERE s.tenant_id = n.id AND cardinality(n.others) = 0
         ), stored AS (
             INSERT INTO switching_tenants (tenant_id, others)
             SELECT id, others FROM named WHERE cardinality(others) > 0
             ON CONFLICT (tenant_id) DO UPDATE SET others = excluded.others
         ), {}
         SELECT FROM named",
        outbox::recorded_if("named")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("others", others.iter().map(Uuid::to_string).collect::<Vec<_>>())
        .bind_all(outbox::bindings(entry));
    statement.query_first(catalog).await?;
    Ok(())
}
