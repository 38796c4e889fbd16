//! SQL statements on `tenants`. Only this module and its submodules contain them.

pub mod overrides;
pub mod sealed;
pub mod slugs;

use std::collections::{HashMap, HashSet};

use platform::sql::{Connection, Row, Rows, SqlError, Statement, UNICODE, Value, contains_pattern};
use uuid::Uuid;

use super::{LimitChange, Limits, Operation, Status, TenantName, TenantRecord};
use crate::{
    access::Definitions,
    crypto::Sealed,
    database_location::DatabaseLocation,
    error::{Error, Result},
    event::{Entry, outbox},
    identifier::{Domain, EmailAddress, Slug},
    input::Text as _,
    json::JsonText,
    metadata::MetadataFilter,
    tenant::TenantChange,
};

pub(crate) const SELECT: &str = "
    SELECT t.id, t.slug, t.name, t.status, t.admin_email, t.plan,
           COALESCE(t.settings_text, t.settings::text) AS settings,
           COALESCE(t.private_settings_text, t.private_settings::text) AS private_settings,
           t.access_definitions, t.version,
           t.database_host, t.database_port, t.database_name, t.database_options,
           t.database_role, t.database_password, t.data_key,
           t.created_at AT TIME ZONE 'UTC' AS created_at,
           t.updated_at AT TIME ZONE 'UTC' AS updated_at,
           (SELECT d.domain FROM tenant_domains d WHERE d.tenant_id = t.id AND d.is_primary)
               AS domain,
           ARRAY(SELECT d.domain FROM tenant_domains d WHERE d.tenant_id = t.id
                 ORDER BY d.is_primary DESC, d.domain) AS domains,
           t.limit_overrides, to_jsonb(p) AS plan_row
    FROM tenants t JOIN plans p ON p.name = t.plan";

/// Returns the tenant with an id, if it exists.
pub async fn find(catalog: &dyn Connection, id: Uuid) -> Result<Option<TenantRecord>> {
    let statement = format!("{SELECT} WHERE t.id = $1");
    read(catalog, &statement, &[id.into()]).await
}

/// Returns the versions of tenants. Tenants that do not exist are omitted.
pub(crate) async fn find_versions(
    catalog: &dyn Connection,
    ids: &HashSet<Uuid>,
) -> Result<HashMap<Uuid, i64>> {
    let statement = "SELECT id, version FROM tenants WHERE id = ANY($1::text[]::uuid[])";
    let ids: Vec<_> = ids.iter().map(Uuid::to_string).collect();
    let rows = catalog.query(statement, &[ids.into()]).await?;
    let versions = rows.iter().map(|row| Ok((row.get("id")?, row.get("version")?)));
    Ok(versions.collect::<Result<_, SqlError>>()?)
}

/// Returns the tenant with a slug, if it exists.
pub async fn find_by_slug(catalog: &dyn Connection, slug: &Slug) -> Result<Option<TenantRecord>> {
    let statement = format!("{SELECT} WHERE t.slug = $1");
    read(catalog, &statement, &[slug.as_str().into()]).await
}

/// Returns the tenant with a custom domain, if it exists.
pub async fn find_by_domain(
    catalog: &dyn Connection,
    domain: &Domain,
) -> Result<Option<TenantRecord>> {
    let statement = format!(
        "{SELECT} WHERE t.id = (SELECT d.tenant_id FROM tenant_domains d WHERE d.domain = $1)"
    );
    read(catalog, &statement, &[domain.as_str().into()]).await
}

/// Returns the id of the tenant with a custom domain, if it exists.
pub async fn find_domain_owner(catalog: &dyn Connection, domain: &Domain) -> Result<Option<Uuid>> {
    let statement = "SELECT tenant_id FROM tenant_domains WHERE domain = $1";
    let row = catalog.query_first(statement, &[domain.as_str().into()]).await?;
    Ok(row.map(|row| row.get("tenant_id")).transpose()?)
}

/// The result of updating a tenant.
pub enum Changed {
    /// The tenant was updated.
    Done,
    /// The tenant does not exist.
    NotFound,
    /// The state of the tenant does not allow the update. Nothing was changed.
    Refused(Error),
    /// The tenant has another version than required. Nothing was changed.
    OtherVersion,
}

/// Updates a tenant. Changes nothing if the state of the tenant does not allow it or the tenant does not have the
/// required version.
pub async fn change(
    catalog: &dyn Connection,
    id: Uuid,
    change: &TenantChange,
    version: Option<i64>,
    entry: &Entry,
) -> Result<Changed> {
    let statement = "SELECT before_status, is_wanted
                     FROM update_tenant(:id, :version, :name, :admin_email, :plan, :settings,
                                        :private_settings, :limits, :status, :illegal_from,
                                        :domains, :entry_id, :entry)";
    let operation = change.operation();
    let domains = change.domains.as_ref().map(|domains| -> Vec<String> {
        domains.iter().map(|domain| domain.as_str().to_owned()).collect()
    });
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("version", version)
        .bind("name", change.name.as_ref().map(TenantName::as_str))
        .bind("admin_email", change.admin_email.as_ref().map(EmailAddress::as_str))
        .bind("plan", change.plan.clone())
        .bind("settings", change.settings.as_ref().map(|settings| settings.json().as_str()))
        .bind(
            "private_settings",
            change.private_settings.as_ref().map(|settings| settings.json().as_str()),
        )
        .bind("limits", change.limits.as_ref().map(LimitChange::to_value))
        .bind("status", operation.target().map(Status::as_str))
        .bind("illegal_from", operation.illegal_sources())
        .bind("domains", domains)
        .bind("entry_id", entry.id)
        .bind("entry", entry.json.clone());
    let row = match statement.query_first(catalog).await {
        Ok(row) => row,
        Err(error) => return Err(refused(error)),
    };
    let Some(row) = row else { return Ok(Changed::NotFound) };
    let Some(before) = row.get::<Option<String>>("before_status")? else {
        return Ok(Changed::NotFound);
    };
    let before =
        Status::parse(&before).map_err(|_| Error::internal("a tenant has an invalid status"))?;
    if !row.get::<bool>("is_wanted")? {
        return Ok(Changed::OtherVersion);
    }
    Ok(before.check(operation).map_or_else(Changed::Refused, |()| Changed::Done))
}

/// Replaces the contact address of a tenant, if it is `from`, and removes the responses for idempotency keys, which may
/// contain credentials of the former contact. Returns whether it was replaced.
pub(crate) async fn replace_contact(
    catalog: &dyn Connection,
    id: Uuid,
    from: &str,
    to: &str,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             UPDATE tenants SET admin_email = :to WHERE id = :id AND admin_email = :from RETURNING id
         ), forgotten AS (
             DELETE FROM idempotency_keys WHERE tenant_id IN (SELECT id FROM replaced)
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("from", from)
        .bind("to", to)
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Removes a destroyed tenant from the catalog, except for its audit trail. `entry` belongs to that trail, and `receipt`
/// to the platform's. Returns `false` if it was already removed.
pub async fn remove(
    catalog: &dyn Connection,
    id: Uuid,
    entry: &Entry,
    receipt: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH removed AS (
             DELETE FROM tenants WHERE id = :id AND status = ANY(:sources::text[]) RETURNING id
         ), forgotten AS (
             DELETE FROM idempotency_keys WHERE tenant_id IN (SELECT id FROM removed)
         ), receipt AS (
             INSERT INTO audit_outbox (id, tenant_id, entry)
             SELECT :receipt_id::uuid, NULL, :receipt::jsonb FROM removed
         ), {}
         SELECT id FROM removed",
        outbox::recorded_if("removed")
    );
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("sources", Operation::Remove.sources())
        .bind("receipt_id", receipt.id)
        .bind("receipt", receipt.json.clone())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Replaces the data keys of `old`. Returns `false` and writes nothing if the tenant has other keys by now, or a state
/// that does not allow it.
pub async fn replace_data_keys(
    catalog: &dyn Connection,
    old: &TenantRecord,
    new: &Sealed,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             UPDATE tenants SET data_key = :new
             WHERE id = :id AND data_key = :old AND status = ANY(:sources::text[]) RETURNING id
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("old", old.data_key.as_ref().map(|sealed| sealed.0.clone()))
        .bind("new", new.0.clone())
        .bind("sources", Operation::RotateDataKey.sources())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Replaces the permissions, roles and groups of `old`. Returns `false` and writes nothing if the tenant has another
/// version by now, a state that does not allow it, or an API key with the permission `unused`.
pub(crate) async fn replace_definitions(
    catalog: &dyn Connection,
    old: &TenantRecord,
    new: &Definitions,
    unused: Option<&str>,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH replaced AS (
             UPDATE tenants SET access_definitions = :new::jsonb
             WHERE id = :id AND version = :version AND status = ANY(:sources::text[])
               AND NOT EXISTS (SELECT FROM tenant_api_keys k
                               WHERE k.tenant_id = :id AND k.revoked_at IS NULL
                                 AND :unused::text = ANY(k.scopes))
             RETURNING id
         ), {}
         SELECT id FROM replaced",
        outbox::recorded_if("replaced")
    );
    let statement = Statement::new(statement)
        .bind("id", old.id)
        .bind("version", old.version)
        .bind("new", new.to_json())
        .bind("unused", unused)
        .bind("sources", Operation::Update.sources())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Returns a page of the tenants on a plan, in the order of their ids.
pub async fn list_of_plan(
    catalog: &dyn Connection,
    plan: &str,
    after: Uuid,
) -> Result<Rows<TenantRecord>> {
    let statement = format!("{SELECT} WHERE t.plan = $1 AND t.id > $2 ORDER BY t.id LIMIT 100");
    let rows = catalog.query(&statement, &[plan.into(), after.into()]).await?;
    Ok(Rows::read(&rows, record))
}

/// Returns the tenants that have been in the state `deleting` for at least `minutes`.
pub async fn list_deleting(catalog: &dyn Connection, minutes: i64) -> Result<Rows<TenantRecord>> {
    let statement = format!(
        "{SELECT} WHERE t.status = 'deleting'
                    AND t.updated_at <= now() - make_interval(mins => $1::bigint::int)
         ORDER BY t.created_at"
    );
    let rows = catalog.query(&statement, &[minutes.into()]).await?;
    Ok(Rows::read(&rows, record))
}

/// Returns every tenant with a database, including deleted tenants whose data is kept.
pub async fn list_with_database(catalog: &dyn Connection) -> Result<Rows<TenantRecord>> {
    let statement = format!(
        "{SELECT} WHERE t.status IN ('active', 'suspended', 'deleted')
                    AND t.database_password IS NOT NULL
         ORDER BY t.created_at"
    );
    let rows = catalog.query(&statement, &[]).await?;
    Ok(Rows::read(&rows, record))
}

/// Returns `None` for work on a tenant's database that failed because the tenant was destroyed meanwhile, as can happen to a
/// program that visits every tenant of a list.
///
/// # Errors
/// The failure, if the tenant still has a database or the catalog is unavailable.
pub async fn unless_destroyed<T, E>(
    catalog: &dyn Connection,
    id: Uuid,
    result: Result<T, E>,
) -> Result<Option<T>, E> {
    let failure = match result {
        Ok(value) => return Ok(Some(value)),
        Err(failure) => failure,
    };
    let statement = "SELECT FROM tenants WHERE id = $1 AND database_password IS NOT NULL
                     AND status IN ('active', 'suspended', 'deleted')";
    match catalog.query(statement, &[id.into()]).await {
        Ok(rows) if rows.is_empty() => Ok(None),
        _ => Err(failure),
    }
}

/// Returns the ids and slugs of all tenants in any state.
pub async fn list_ids(catalog: &dyn Connection) -> Result<Vec<(Uuid, String)>> {
    let rows = catalog.query("SELECT id, slug FROM tenants ORDER BY slug", &[]).await?;
    let ids = rows.iter().map(|row| Ok((row.get("id")?, row.get("slug")?)));
    Ok(ids.collect::<Result<_, SqlError>>()?)
}

pub(crate) fn refused(error: SqlError) -> Error {
    match error.constraint() {
        Some("tenant_domains_pkey") => Error::Taken { field: "domain", code: "domain_taken" },
        Some("tenants_plan_fkey") => Error::invalid_field("plan", "must be an existing plan"),
        _ => error.into(),
    }
}

/// The filter of a list of tenants. The default selects no page.
#[derive(Debug, Default)]
pub struct Filter {
    /// The number of tenants to skip.
    pub offset: u32,
    /// The maximum number of tenants to return.
    pub limit: u32,
    /// Selects tenants in this state.
    pub status: Option<Status>,
    /// Selects tenants with this text in their name, slug, e-mail address or domain.
    pub search: Option<String>,
    /// Whether to include deleted tenants.
    pub include_deleted: bool,
    /// Selects tenants by the settings that their users see.
    pub settings: Option<MetadataFilter>,
    /// Selects tenants by the settings that only operators see.
    pub private_settings: Option<MetadataFilter>,
}

/// Returns the tenants that `filter` selects, the newest first, and the total number of selected tenants.
pub async fn list(catalog: &dyn Connection, filter: &Filter) -> Result<(Rows<TenantRecord>, i64)> {
    let statement = format!(
        "WITH selected AS (
             SELECT t.id, t.created_at FROM tenants t
             WHERE (:status::text IS NULL OR t.status = :status)
               AND (:include_deleted OR t.status <> 'deleted' OR :status = 'deleted')
               AND (:settings::text IS NULL OR t.settings @> :settings::text::jsonb)
               AND (:private_settings::text IS NULL OR t.private_settings @> :private_settings::text::jsonb)
               AND (:pattern::text IS NULL OR t.name ILIKE :pattern {UNICODE}
                    OR t.slug ILIKE :pattern OR t.admin_email ILIKE :pattern {UNICODE}
                    OR EXISTS (SELECT FROM tenant_domains d
                               WHERE d.tenant_id = t.id AND d.domain ILIKE :pattern))
         ), page AS (
             SELECT id FROM selected ORDER BY created_at DESC, id DESC OFFSET :offset LIMIT :limit
         )
         SELECT counted.total, shown.*
         FROM (SELECT count(*) AS total FROM selected) counted
         LEFT JOIN ({SELECT} WHERE t.id IN (SELECT id FROM page)) shown ON true
         ORDER BY shown.created_at DESC, shown.id DESC"
    );
    let pattern = filter.search.as_deref().map(contains_pattern);
    let statement = Statement::new(statement)
        .bind("status", filter.status.map(Status::as_str))
        .bind("include_deleted", filter.include_deleted)
        .bind("settings", filter.settings.as_ref().map(MetadataFilter::as_str))
        .bind("private_settings", filter.private_settings.as_ref().map(MetadataFilter::as_str))
        .bind("pattern", pattern)
        .bind("offset", i64::from(filter.offset))
        .bind("limit", i64::from(filter.limit));
    let rows = statement.query(catalog).await?;
    let total = rows.first().map_or(Ok(0), |row| row.get("total"))?;
    // For a page past the end, the result is a single row with only the count.
    let shown = rows.iter().filter(|row| !matches!(row.get::<Option<Uuid>>("id"), Ok(None)));
    Ok((Rows::read(shown, record), total))
}

/// The number of tenants with a status and a plan.
pub struct TenantCount {
    /// The status.
    pub status: String,
    /// The plan.
    pub plan: String,
    /// The number of tenants.
    pub count: i64,
}

/// Returns the numbers of tenants, by status and plan.
pub async fn count(catalog: &dyn Connection) -> Result<Vec<TenantCount>> {
    let statement = "SELECT status, plan, count(*) AS count FROM tenants
                     GROUP BY status, plan ORDER BY status, plan";
    let rows = catalog.query(statement, &[]).await?;
    let counts = rows.iter().map(|row| {
        Ok(TenantCount {
            status: row.get("status")?,
            plan: row.get("plan")?,
            count: row.get("count")?,
        })
    });
    Ok(counts.collect::<Result<_, SqlError>>()?)
}

pub(crate) async fn read(
    catalog: &dyn Connection,
    statement: &str,
    parameters: &[Value],
) -> Result<Option<TenantRecord>> {
    let row = catalog.query_first(statement, parameters).await?;
    Ok(row.as_ref().map(record).transpose()?)
}

pub(crate) fn record(row: &Row) -> Result<TenantRecord, SqlError> {
    let decode = |what: &str| SqlError::Decode(format!("a tenant has an invalid {what}"));
    Ok(TenantRecord {
        id: row.get("id")?,
        slug: Slug::from_catalog(row.get("slug")?),
        name: row.get("name")?,
        status: Status::parse(&row.get::<String>("status")?).map_err(|_| decode("status"))?,
        admin_email: row.get("admin_email")?,
        domain: row.get("domain")?,
        domains: row.get("domains")?,
        plan: row.get("plan")?,
        limits: Limits::read(&row.get("plan_row")?, &row.get("limit_overrides")?)?,
        settings: JsonText::from_stored(row.get("settings")?).ok_or_else(|| decode("setting"))?,
        private_settings: JsonText::from_stored(row.get("private_settings")?)
            .ok_or_else(|| decode("private setting"))?,
        definitions: Definitions::from_json(&row.get("access_definitions")?)
            .ok_or_else(|| decode("definition of a role"))?,
        version: row.get("version")?,
        database: DatabaseLocation {
            host: row.get("database_host")?,
            port: u16::try_from(row.get::<i32>("database_port")?).map_err(|_| decode("port"))?,
            name: row.get("database_name")?,
            options: row.get("database_options")?,
        },
        database_role: row.get("database_role")?,
        database_password: row.get::<Option<Vec<u8>>>("database_password")?.map(Sealed),
        data_key: row.get::<Option<Vec<u8>>>("data_key")?.map(Sealed),
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
