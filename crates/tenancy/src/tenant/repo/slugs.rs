//! SQL statements on the slugs of tenants and on `tenant_former_slugs`. The trigger `reserve_slug` of the catalog
//! reserves the former slug, in the statement that replaces it.

use chrono::{DateTime, Utc};
use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    identifier::Slug,
    input::Text as _,
    tenant::{Operation, Status},
};

/// A slug that a tenant had before it was renamed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormerSlug {
    /// The slug. No other tenant can have it.
    #[schema(value_type = String, example = "acme")]
    pub slug: String,
    /// When the tenant was renamed.
    pub renamed_at: DateTime<Utc>,
}

/// The result of a rename.
#[derive(Debug)]
pub enum Renamed {
    /// The tenant has the slug: from now on, or since an earlier call.
    Done,
    /// The tenant does not exist.
    NotFound,
    /// Another tenant has the slug, or had it before. Nothing was changed.
    Taken,
    /// The state of the tenant does not allow the change. Nothing was changed.
    Refused(Error),
    /// The tenant has another version than required. Nothing was changed.
    OtherVersion,
}

/// Replaces the slug of a tenant and reserves the former one.
///
/// # Errors
/// [`Error::Unavailable`] if the catalog is unavailable.
pub async fn rename(
    catalog: &dyn Connection,
    id: Uuid,
    slug: &Slug,
    version: Option<i64>,
    entry: &Entry,
) -> Result<Renamed> {
    let statement = "
        WITH before AS MATERIALIZED (
            SELECT id, slug, status, version, :version::bigint IS NULL OR version = :version AS is_wanted
            FROM tenants WHERE id = :id FOR UPDATE
        ), renamed AS (
            UPDATE tenants t SET slug = :slug::text FROM before b
            WHERE t.id = b.id AND b.slug <> :slug AND b.is_wanted AND b.status = ANY(:sources::text[])
            RETURNING t.id
        ), recorded AS (
            INSERT INTO audit_outbox (id, tenant_id, entry)
            SELECT :entry_id::uuid, :entry_tenant::uuid, jsonb_set(:entry::jsonb, '{detail}',
                :entry::jsonb -> 'detail' || jsonb_build_object(
                    'before', jsonb_build_object('slug', b.slug),
                    'after', jsonb_build_object('slug', :slug)))
            FROM before b, renamed
        )
        SELECT status, is_wanted, slug = :slug AS has_slug FROM before";
    let statement = Statement::new(statement)
        .bind("id", id)
        .bind("slug", slug.as_str())
        .bind("version", version)
        .bind("sources", Operation::Rename.sources())
        .bind_all(outbox::bindings(entry));
    let row = match statement.query_first(catalog).await {
        Ok(row) => row,
        Err(error) => {
            return match error.constraint() {
                Some("tenants_slug_key" | "tenant_former_slugs_pkey") => Ok(Renamed::Taken),
                _ => Err(error.into()),
            };
        }
    };
    let Some(row) = row else { return Ok(Renamed::NotFound) };
    let status = Status::parse(&row.get::<String>("status")?)
        .map_err(|_| Error::internal("a tenant has an invalid status"))?;
    if let Err(error) = status.check(Operation::Rename) {
        return Ok(Renamed::Refused(error));
    }
    // A repeated call finds the slug of the first one, which also changed the version.
    let is_done = row.get::<bool>("has_slug")? || row.get::<bool>("is_wanted")?;
    Ok(if is_done { Renamed::Done } else { Renamed::OtherVersion })
}

/// Returns a page of the former slugs of a tenant, the latest first, and their number.
pub async fn list(
    catalog: &dyn Connection,
    tenant: Uuid,
    offset: u32,
    limit: u32,
) -> Result<(Rows<FormerSlug>, i64)> {
    let statement = "
        SELECT slug, renamed_at AT TIME ZONE 'UTC' AS renamed_at FROM tenant_former_slugs
        WHERE tenant_id = $1 ORDER BY tenant_former_slugs.renamed_at DESC, slug OFFSET $2 LIMIT $3";
    let parameters = [tenant.into(), i64::from(offset).into(), i64::from(limit).into()];
    let rows = catalog.query(statement, &parameters).await?;
    let count = "SELECT count(*) AS total FROM tenant_former_slugs WHERE tenant_id = $1";
    let total = catalog.query_first(count, &[tenant.into()]).await?;
    let total = total.map_or(Ok(0), |row| row.get("total"))?;
    Ok((Rows::read(&rows, former_slug), total))
}

/// Releases a former slug of a tenant. Returns `false` if the tenant has no such former slug.
pub async fn release(
    catalog: &dyn Connection,
    tenant: Uuid,
    slug: &Slug,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH released AS (
             DELETE FROM tenant_former_slugs WHERE tenant_id = :tenant AND slug = :slug RETURNING slug
         ), {}
         SELECT slug FROM released",
        outbox::recorded_if("released")
    );
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("slug", slug.as_str())
        .bind_all(outbox::bindings(entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Returns the tenant that a slug is reserved for, if there is one.
pub async fn find_former_owner(catalog: &dyn Connection, slug: &Slug) -> Result<Option<Uuid>> {
    let statement = "SELECT tenant_id FROM tenant_former_slugs WHERE slug = $1";
    let row = catalog.query_first(statement, &[slug.as_str().into()]).await?;
    Ok(row.map(|row| row.get("tenant_id")).transpose()?)
}

fn former_slug(row: &Row) -> Result<FormerSlug, SqlError> {
    Ok(FormerSlug { slug: row.get("slug")?, renamed_at: row.get("renamed_at")? })
}
