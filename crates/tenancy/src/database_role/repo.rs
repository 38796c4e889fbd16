//! The statements on `database_credentials`.

use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use serde_json::json;
use uuid::Uuid;

use super::{Access, DatabaseRole, Ending};
use crate::{
    error::{DatabaseError, Error, Result},
    event::{Entry, outbox},
    input::Text as _,
    tenant::Limits,
};

const COLUMNS: &str =
    "c.id, c.tenant_id, c.role, c.access, c.connections, c.user_id, c.user_version, c.api_key_id,
    c.created_at AT TIME ZONE 'UTC' AS created_at, c.expires_at AT TIME ZONE 'UTC' AS expires_at";

/// Inserts the row of a new role.
///
/// # Errors
/// [`DatabaseError::LimitReached`].
pub(crate) async fn reserve(
    catalog: &dyn Connection,
    role: &DatabaseRole,
    limits: &Limits,
    entry: &Entry,
) -> Result<()> {
    let statement = "SELECT is_reserved, credentials, connections
                     FROM reserve_database_credential(:row, :credentials, :connections, :entry_id, :entry)";
    let row = json!({
        "id": role.id,
        "tenant_id": role.tenant,
        "role": role.name,
        "access": role.access,
        "connections": role.connections,
        "user_id": role.user.map(|(id, _)| id),
        "user_version": role.user.map(|(_, version)| version),
        "api_key_id": role.api_key,
        "expires_at": role.expires_at,
    });
    let statement = Statement::new(statement)
        .bind("row", row)
        .bind("credentials", limits.database_credentials)
        .bind("connections", limits.database_connections)
        .bind("entry_id", entry.id)
        .bind("entry", entry.json.clone());
    let row = statement.query_first(catalog).await?;
    let row = row.ok_or_else(|| Error::internal("a reservation returned no row"))?;
    if row.get("is_reserved")? {
        return Ok(());
    }
    let (credentials, connections): (i64, i64) = (row.get("credentials")?, row.get("connections")?);
    let (name, limit, usage) = if credentials >= limits.database_credentials {
        ("database_credentials", limits.database_credentials, credentials)
    } else {
        ("database_connections", limits.database_connections, connections)
    };
    Err(DatabaseError::LimitReached { name, limit, usage }.into())
}

/// Inserts the row of a role of `tenantctl`, which the limits of the tenant do not bound.
pub(crate) async fn insert(catalog: &dyn Connection, role: &DatabaseRole) -> Result<()> {
    let statement = "
        INSERT INTO database_credentials (id, tenant_id, role, access, connections, expires_at)
        VALUES (:id, :tenant, :role, :access, :connections, :expires_at::timestamp AT TIME ZONE 'UTC')";
    let statement = Statement::new(statement)
        .bind("id", role.id)
        .bind("tenant", role.tenant)
        .bind("role", role.name.as_str())
        .bind("access", role.access.as_str())
        .bind("connections", role.connections)
        .bind("expires_at", role.expires_at);
    statement.execute(catalog).await?;
    Ok(())
}

/// Returns a role that an application requested and that has not ended.
pub async fn find(
    catalog: &dyn Connection,
    tenant: Uuid,
    id: Uuid,
) -> Result<Option<DatabaseRole>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM database_credentials c
         WHERE c.tenant_id = $1 AND c.id = $2 AND c.ended_at IS NULL AND NOT c.is_of_tenantctl"
    );
    let row = catalog.query_first(&statement, &[tenant.into(), id.into()]).await?;
    Ok(row.as_ref().map(role).transpose()?)
}

/// Returns the number of roles of all applications that have not ended.
pub async fn count(catalog: &dyn Connection) -> Result<i64> {
    let statement = "SELECT count(*) AS total FROM database_credentials
                     WHERE ended_at IS NULL AND expires_at > now() AND NOT is_of_tenantctl";
    let row = catalog.query_first(statement, &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("total"))?)
}

/// Returns a page of the roles that a tenant's application requested and that have not ended, the newest first, and
/// their total number.
pub async fn list(
    catalog: &dyn Connection,
    tenant: Uuid,
    offset: u32,
    limit: u32,
) -> Result<(Rows<DatabaseRole>, i64)> {
    let valid = "c.tenant_id = $1 AND c.ended_at IS NULL AND c.expires_at > now() AND NOT c.is_of_tenantctl";
    let statement = format!(
        "SELECT {COLUMNS} FROM database_credentials c WHERE {valid}
         ORDER BY c.created_at DESC, c.id DESC OFFSET $2 LIMIT $3"
    );
    let parameters = [tenant.into(), i64::from(offset).into(), i64::from(limit).into()];
    let rows = catalog.query(&statement, &parameters).await?;
    let count = format!("SELECT count(*) AS total FROM database_credentials c WHERE {valid}");
    let total = catalog.query_first(&count, &[tenant.into()]).await?;
    Ok((Rows::read(&rows, role), total.map_or(Ok(0), |row| row.get("total"))?))
}

/// Returns the stored roles after one of them that a user requested, including ended ones, in the order of their ids.
pub async fn list_of_user(
    catalog: &dyn Connection,
    tenant: Uuid,
    user: Uuid,
    after: Uuid,
    limit: u32,
) -> Result<Vec<DatabaseRole>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM database_credentials c
         WHERE c.tenant_id = $1 AND c.user_id = $2 AND c.id > $3 ORDER BY c.id LIMIT $4"
    );
    let parameters = [tenant.into(), user.into(), after.into(), i64::from(limit).into()];
    let rows = catalog.query(&statement, &parameters).await?;
    Ok(rows.iter().map(role).collect::<Result<_, SqlError>>()?)
}

/// Marks roles of a tenant as ended, and returns all of its roles that `ending` selects. Roles that were marked before
/// are included, because their removal may have been interrupted.
pub(crate) async fn mark_ended(
    catalog: &dyn Connection,
    tenant: Uuid,
    ending: Ending,
    entry: Option<&Entry>,
) -> Result<Vec<DatabaseRole>> {
    let (condition, subject) = match ending {
        Ending::Credential(id) => ("id = :subject", Some(id)),
        Ending::ApiKey(id) => ("api_key_id = :subject", Some(id)),
        Ending::User(id) => ("user_id = :subject", Some(id)),
        Ending::Users => ("user_id IS NOT NULL", None),
        Ending::Tenant => ("true", None),
        Ending::Expired => ("expires_at <= now() OR ended_at IS NOT NULL", None),
    };
    let recorded = entry.map(|_| format!(", {}", outbox::recorded_if("newly"))).unwrap_or_default();
    let statement = format!(
        "WITH c AS (
             UPDATE database_credentials SET ended_at = COALESCE(ended_at, now())
             WHERE tenant_id = :tenant AND ({condition}) RETURNING *
         ), newly AS (SELECT FROM c WHERE ended_at = now()){recorded}
         SELECT {COLUMNS} FROM c"
    );
    let mut statement = Statement::new(statement).bind("tenant", tenant);
    if let Some(subject) = subject {
        statement = statement.bind("subject", subject);
    }
    if let Some(entry) = entry {
        statement = statement.bind_all(outbox::bindings(entry));
    }
    let rows = statement.query(catalog).await?;
    Ok(rows.iter().map(role).collect::<Result<_, SqlError>>()?)
}

/// Returns the tenants with roles that expired or whose removal was interrupted, or whose API key or tenant has ended.
/// At most 100 tenants at a time.
pub(super) async fn list_tenants_due(catalog: &dyn Connection) -> Result<Vec<Uuid>> {
    let statement = "
        SELECT DISTINCT tenant_id FROM database_credentials
        WHERE LEAST(expires_at, ended_at) <= now() ORDER BY 1 LIMIT 100";
    let rows = catalog.query(statement, &[]).await?;
    Ok(rows.iter().map(|row| row.get("tenant_id")).collect::<Result<_, SqlError>>()?)
}

/// Marks the roles whose API key was revoked or has expired, or whose tenant accepts no requests. A change that was
/// interrupted before it ended them is the only cause. A role of `tenantctl` migrates suspended tenants too.
pub(super) async fn mark_orphaned(catalog: &dyn Connection) -> Result<()> {
    let statement = "
        UPDATE database_credentials c SET ended_at = now()
        WHERE c.ended_at IS NULL AND (
            EXISTS (SELECT FROM tenants t WHERE t.id = c.tenant_id AND t.status <> 'active'
                      AND NOT (t.status IN ('suspended', 'provisioning') AND c.is_of_tenantctl))
            OR c.api_key_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM tenant_api_keys k
                WHERE k.id = c.api_key_id AND k.revoked_at IS NULL
                  AND (k.expires_at IS NULL OR k.expires_at > now())))";
    catalog.execute(statement, &[]).await?;
    Ok(())
}

/// Returns the roles of `tenantctl` that are older than five minutes and have not ended.
pub(super) async fn list_of_tenantctl(catalog: &dyn Connection) -> Result<Vec<DatabaseRole>> {
    let statement = format!(
        "SELECT {COLUMNS} FROM database_credentials c
         WHERE c.is_of_tenantctl AND c.ended_at IS NULL AND c.created_at < now() - interval '5 minutes'
         ORDER BY c.tenant_id, c.id"
    );
    let rows = catalog.query(&statement, &[]).await?;
    Ok(rows.iter().map(role).collect::<Result<_, SqlError>>()?)
}

/// Returns the users who requested roles that have not ended, with their tenants and versions.
pub(super) async fn list_users(catalog: &dyn Connection) -> Result<Vec<(Uuid, Uuid, i64)>> {
    let statement = "
        SELECT DISTINCT tenant_id, user_id, user_version FROM database_credentials
        WHERE ended_at IS NULL AND user_id IS NOT NULL ORDER BY 1, 2";
    let rows = catalog.query(statement, &[]).await?;
    let users = rows
        .iter()
        .map(|row| Ok((row.get("tenant_id")?, row.get("user_id")?, row.get("user_version")?)));
    Ok(users.collect::<Result<_, SqlError>>()?)
}

/// Deletes the rows of removed roles.
pub(super) async fn delete(catalog: &dyn Connection, ids: &[Uuid]) -> Result<()> {
    let statement = "DELETE FROM database_credentials WHERE id = ANY($1::text[]::uuid[])";
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    catalog.execute(statement, &[ids.into()]).await?;
    Ok(())
}

fn role(row: &Row) -> Result<DatabaseRole, SqlError> {
    let access = Access::parse(&row.get::<String>("access")?);
    let user: Option<Uuid> = row.get("user_id")?;
    Ok(DatabaseRole {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        name: row.get("role")?,
        access: access.map_err(|_| SqlError::Decode("a role has an invalid access".to_owned()))?,
        connections: row.get("connections")?,
        user: user.zip(row.get("user_version")?),
        api_key: row.get("api_key_id")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
    })
}
