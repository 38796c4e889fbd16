//! SQL statements on the values in `tenants` and `idempotency_keys` that are sealed with the master key.

use platform::sql::{Connection, SqlError, Statement};
use uuid::Uuid;

use crate::{
    crypto::{HEAD, Sealed},
    database_location::DatabaseLocation,
    error::Result,
    event::{Entry, outbox},
    tenant::TenantRecord,
};

/// The number of sealed values with the same first bytes.
pub struct Counted {
    /// The first bytes.
    pub head: Vec<u8>,
    /// The number of values.
    pub count: i64,
}

/// Returns the numbers of sealed values, by format and key.
pub async fn count(catalog: &dyn Connection) -> Result<Vec<Counted>> {
    let statement = format!(
        "SELECT substring(value FOR {HEAD}) AS head, count(*) AS count FROM (
             SELECT database_password AS value FROM tenants
             UNION ALL SELECT next_database_password FROM tenants
             UNION ALL SELECT data_key FROM tenants
             UNION ALL SELECT answer FROM idempotency_keys
             UNION ALL SELECT template FROM database_clusters
             UNION ALL SELECT source_password FROM tenant_moves
         ) sealed WHERE value IS NOT NULL GROUP BY 1"
    );
    let rows = catalog.query(&statement, &[]).await?;
    let counts =
        rows.iter().map(|row| Ok(Counted { head: row.get("head")?, count: row.get("count")? }));
    Ok(counts.collect::<Result<_, SqlError>>()?)
}

/// Returns the number of database passwords that do not have the format of this head.
pub async fn count_unbound(catalog: &dyn Connection, bound: [u8; HEAD]) -> Result<i64> {
    let statement = "SELECT count(*) AS count FROM tenants
                     WHERE substring(database_password FOR 1) <> substring($1::bytea FOR 1)";
    let row = catalog.query_first(statement, &[bound.as_slice().into()]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("count"))?)
}

/// Returns the tenants in any state whose password or data keys do not begin with these heads.
pub async fn list_tenants(
    catalog: &dyn Connection,
    password: [u8; HEAD],
    data_key: [u8; HEAD],
) -> Result<Vec<Uuid>> {
    let statement = format!(
        "SELECT id FROM tenants
         WHERE substring(database_password FOR {HEAD}) <> $1::bytea
            OR substring(data_key FOR {HEAD}) <> $2::bytea
         ORDER BY id"
    );
    let parameters = [password.as_slice().into(), data_key.as_slice().into()];
    let rows = catalog.query(&statement, &parameters).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect::<Result<_, SqlError>>()?)
}

/// Replaces the seals of the same secrets. A secret that is `None` stays unchanged. Returns `false` and writes nothing
/// if the tenant has other seals by now or does not exist.
pub async fn replace_secrets(
    catalog: &dyn Connection,
    old: &TenantRecord,
    database_password: Option<Sealed>,
    data_key: Option<Sealed>,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             UPDATE tenants SET database_password = COALESCE(:new_password, database_password),
                                data_key = COALESCE(:new_data_key, data_key)
             WHERE id = :id AND database_password IS NOT DISTINCT FROM :old_password
               AND data_key IS NOT DISTINCT FROM :old_data_key
             RETURNING id
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let bytes = |sealed: Option<Sealed>| sealed.map(|sealed| sealed.0);
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("old_password", bytes(old.database_password.clone()))
        .bind("old_data_key", bytes(old.data_key.clone()))
        .bind("new_password", bytes(database_password))
        .bind("new_data_key", bytes(data_key))
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Records a new location of a tenant's database, with the password sealed for it. Returns `false` and writes nothing
/// if the tenant has another password or location by now.
pub async fn replace_location(
    catalog: &dyn Connection,
    old: &TenantRecord,
    location: &DatabaseLocation,
    database_password: &Sealed,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             UPDATE tenants SET database_host = :host, database_port = :port,
                                database_options = :options, database_password = :new_password
             WHERE id = :id AND database_password = :old_password AND next_database_password IS NULL
             RETURNING id
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("old_password", old.database_password.as_ref().map(|sealed| sealed.0.clone()))
        .bind("host", location.host.as_str())
        .bind("port", i32::from(location.port))
        .bind("options", location.options.as_str())
        .bind("new_password", database_password.0.clone())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Returns the next password of a tenant's role, or `None` if no rotation is in progress.
pub async fn find_next_password(catalog: &dyn Connection, tenant: Uuid) -> Result<Option<Sealed>> {
    let statement = "SELECT next_database_password AS next FROM tenants
                     WHERE id = $1 AND next_database_password IS NOT NULL";
    let row = catalog.query_first(statement, &[tenant.into()]).await?;
    Ok(row.map(|row| row.get("next").map(Sealed)).transpose()?)
}

/// Records the next password of a tenant's role, unless another rotation has already recorded one.
pub async fn begin_rotation(
    catalog: &dyn Connection,
    old: &TenantRecord,
    next: &Sealed,
) -> Result<()> {
    let statement = "UPDATE tenants SET next_database_password = $3
                     WHERE id = $1 AND database_password = $2 AND next_database_password IS NULL";
    let parameters = [
        old.id.into(),
        old.database_password.as_ref().map(|sealed| sealed.0.clone()).into(),
        next.0.clone().into(),
    ];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}

/// Records that a tenant's role has its next password. Returns `false` if another call has already recorded it.
pub async fn finish_rotation(
    catalog: &dyn Connection,
    tenant: Uuid,
    next: &Sealed,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH rotated AS (
             UPDATE tenants SET database_password = next_database_password,
                                next_database_password = NULL
             WHERE id = :id AND next_database_password = :next RETURNING id
         ), {}
         SELECT id FROM rotated",
        outbox::recorded_if("rotated")
    );
    let statement = Statement::new(statement)
        .bind("id", tenant)
        .bind("next", next.0.clone())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Returns the tenants with an interrupted password rotation that must be finished.
pub async fn list_rotations(catalog: &dyn Connection) -> Result<Vec<Uuid>> {
    let statement = "SELECT id FROM tenants
                     WHERE next_database_password IS NOT NULL AND status <> 'deleting' ORDER BY id";
    let rows = catalog.query(statement, &[]).await?;
    Ok(rows.iter().map(|row| row.get("id")).collect::<Result<_, SqlError>>()?)
}

/// The identity of a stored response to an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerId {
    /// The tenant in the response.
    pub tenant: Uuid,
    operation: String,
    key: String,
}

/// Returns the stored responses that do not begin with `head`.
pub async fn list_answers(catalog: &dyn Connection, head: [u8; HEAD]) -> Result<Vec<AnswerId>> {
    let statement = format!(
        "SELECT tenant_id, operation, key FROM idempotency_keys
         WHERE substring(answer FOR {HEAD}) <> $1::bytea ORDER BY operation, key"
    );
    let rows = catalog.query(&statement, &[head.as_slice().into()]).await?;
    let answers = rows.iter().map(|row| {
        Ok(AnswerId {
            tenant: row.get("tenant_id")?,
            operation: row.get("operation")?,
            key: row.get("key")?,
        })
    });
    Ok(answers.collect::<Result<_, SqlError>>()?)
}

/// Returns a stored response and the tenant that it is sealed for, or `None` if it was deleted.
pub async fn find_answer(
    catalog: &dyn Connection,
    id: &AnswerId,
) -> Result<Option<(Uuid, Sealed)>> {
    let statement = "SELECT tenant_id, answer FROM idempotency_keys
                     WHERE operation = $1 AND key = $2 AND answer IS NOT NULL";
    let parameters = [id.operation.as_str().into(), id.key.as_str().into()];
    let row = catalog.query_first(statement, &parameters).await?;
    let answer = row.map(|row| -> Result<_, SqlError> {
        Ok((row.get("tenant_id")?, Sealed(row.get("answer")?)))
    });
    Ok(answer.transpose()?)
}

/// Replaces the seal of the same response. Returns `false` and writes nothing if the stored value has changed or was
/// deleted.
pub async fn replace_answer(
    catalog: &dyn Connection,
    id: &AnswerId,
    old: &Sealed,
    new: &Sealed,
) -> Result<bool> {
    let statement = "UPDATE idempotency_keys SET answer = $4
                     WHERE operation = $1 AND key = $2 AND answer = $3";
    let parameters = [
        id.operation.as_str().into(),
        id.key.as_str().into(),
        old.0.clone().into(),
        new.0.clone().into(),
    ];
    Ok(catalog.execute(statement, &parameters).await? == 1)
}
