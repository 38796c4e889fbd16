//! The last step of an import: one transaction inserts the audit trail and the plan, and activates the tenant.
//!
//! Under a crash: rows of the trail cannot be deleted, and a plan may be in use as soon as it exists. PostgreSQL discards
//! both with the transaction, so a failed import leaves none of them.

use std::collections::BTreeSet;

use platform::{
    redis::Argument,
    sql::{Connection, SCHEMA_DEADLINE, Statement, patiently},
};
use serde_json::Value as Json;
use uuid::Uuid;

use super::rows;
use crate::{
    audit::{
        self,
        transfer::{self, TrailSummary},
    },
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name, outbox},
    redis_key,
    tenant::{Operation, Status, TenantRecord, repo},
    version_cache::Change,
};

/// The parameter that identifies the transaction. A connection that broke is opened again without it.
const TRANSACTION: &str = "tenancy.import";

/// The transaction.
pub struct Completion {
    catalog: Box<dyn Connection>,
    import: Uuid,
}

/// The tenant to put into use.
pub struct Activation<'a> {
    /// The id.
    pub tenant: Uuid,
    /// The status after the import.
    pub status: Status,
    /// The plan of the bundle. A plan with the same name keeps its limits.
    pub plan: &'a Json,
    /// The detail of the event.
    pub detail: Json,
}

/// The result.
pub struct Activated {
    /// The record.
    pub tenant: TenantRecord,
    /// Whether the plan is new.
    pub has_new_plan: bool,
}

impl Completion {
    /// Begins the transaction.
    pub async fn begin(context: &Context, import: Uuid) -> Result<Self> {
        let catalog = context.catalog_within(SCHEMA_DEADLINE).await?;
        catalog.execute("SET idle_session_timeout = 0", &[]).await?;
        catalog.execute("SET idle_in_transaction_session_timeout = 0", &[]).await?;
        catalog.execute("BEGIN", &[]).await?;
        let statement = format!("SELECT set_config('{TRANSACTION}', $1, true) AS import");
        catalog.query_first(&statement, &[import.to_string().into()]).await?;
        Ok(Self { catalog, import })
    }

    /// Inserts rows of the trail. Outside of the transaction, this inserts nothing.
    pub async fn insert_trail(&self, rows: &[Json]) -> Result<()> {
        let Some(columns) = rows.first().and_then(Json::as_object).map(rows::columns) else {
            return Ok(());
        };
        let statement = format!(
            "INSERT INTO {trail} ({columns})
             SELECT {columns} FROM jsonb_populate_recordset(NULL::{trail}, $1)
             WHERE current_setting('{TRANSACTION}', true) = $2 ON CONFLICT DO NOTHING",
            trail = rows::TRAIL
        );
        let parameters = [Json::Array(rows.to_vec()).into(), self.import.to_string().into()];
        self.catalog.execute(&statement, &parameters).await?;
        Ok(())
    }

    /// Completes the trail after its rows were inserted, or vouches for a trail that exists. See [`transfer::adopt`].
    ///
    /// # Errors
    /// [`Error::Internal`] if the rows differ from those of the bundle.
    pub async fn adopt_trail(
        &self,
        context: &Context,
        tenant: Uuid,
        trail: &TrailSummary,
        was_valid: bool,
    ) -> Result<()> {
        self.check().await?;
        transfer::adopt(context, &*self.catalog, tenant, trail, was_valid).await
    }

    /// Puts the tenant into use and ends the transaction.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a store is unavailable, [`Error::TenantNotFound`] if the import was removed meanwhile.
    pub async fn activate(
        self,
        context: &Context,
        activation: Activation<'_>,
    ) -> Result<Activated> {
        let Activation { tenant, status, plan, detail } = activation;
        // A destroyed tenant with the same id has left a tombstone, which instances would obey for ten minutes.
        let key = redis_key::tenant(tenant);
        context.platform.redis.execute("UNLINK", &[Argument::Key(&key)]).await?;
        let event = Event::new(name::TENANT_IMPORTED)
            .severity(Severity::Warning)
            .about("tenant", tenant)
            .detail(detail);
        let entry = Entry::new(context, Some(tenant), &Actor::system(), event);
        self.check().await?;
        let has_new_plan =
            rows::insert(&*self.catalog, "plans", std::slice::from_ref(plan)).await? > 0;
        let statement = format!(
            "WITH finished AS (
                 DELETE FROM tenant_imports
                 WHERE tenant_id = :tenant AND id = :import
                   AND current_setting('{TRANSACTION}', true) = :transaction
                 RETURNING tenant_id
             ), activated AS (
                 UPDATE tenants SET status = :status::text, plan = :plan::text
                 WHERE id IN (SELECT tenant_id FROM finished) AND status = ANY(:sources::text[])
                 RETURNING id
             ), kept AS (
                 DELETE FROM orphaned_files WHERE import_id = :import AND EXISTS (SELECT FROM activated)
             ), {}
             SELECT id FROM activated",
            outbox::recorded_if("activated")
        );
        let statement = Statement::new(statement)
            .bind("tenant", tenant)
            .bind("import", self.import)
            .bind("transaction", self.import.to_string())
            .bind("status", status.as_str())
            .bind("plan", plan["name"].as_str().unwrap_or_default())
            .bind("sources", Operation::FinishProvisioning.sources())
            .bind_all(outbox::bindings(&entry));
        let publication = Change::begin(context);
        if statement.query_first(&*self.catalog).await?.is_none() {
            return Err(Error::TenantNotFound);
        }
        self.catalog.execute("COMMIT", &[]).await?;
        let record = repo::find(&*self.catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
        // The end of another transaction than this one would report success, too.
        if record.status == Status::Provisioning {
            return Err(broken());
        }
        publication.current(&record).await?;
        let _ = publication.finish().await;
        audit::try_flush_catalog(context, Some(tenant)).await;
        Ok(Activated { tenant: record, has_new_plan })
    }

    async fn check(&self) -> Result<()> {
        let statement = format!("SELECT current_setting('{TRANSACTION}', true) AS import");
        let row = self.catalog.query_first(&statement, &[]).await?;
        let import: Option<String> = row.map_or(Ok(None), |row| row.get("import"))?;
        if import == Some(self.import.to_string()) { Ok(()) } else { Err(broken()) }
    }
}

fn broken() -> Error {
    Error::unavailable("the connection to the catalog broke during the import; repeat it")
}

/// Creates the months of the trail that the rows of a bundle need, so that the retention drops them like other months.
/// Rows of a month for which the trail already has rows elsewhere stay there. `months` has entries such as `2030-01`.
///
/// This locks the trail for a moment, so it must precede the transaction.
pub async fn ensure_months(catalog: &dyn Connection, months: &BTreeSet<String>) -> Result<()> {
    for month in months {
        let statement = patiently(&format!(
            "DECLARE
                 first date := '{month}-01';
                 name text := 'tenant_audit_logs_' || to_char(first, 'YYYY_MM');
             BEGIN
                 IF to_regclass(name) IS NULL THEN
                     EXECUTE format('CREATE TABLE %I PARTITION OF tenant_audit_logs FOR VALUES FROM (%L) TO (%L)',
                         name, to_char(first, 'YYYY-MM-DD') || ' 00:00:00+00',
                         to_char(first + interval '1 month', 'YYYY-MM-DD') || ' 00:00:00+00');
                 END IF;
             EXCEPTION WHEN check_violation OR duplicate_table THEN NULL;
             END;"
        ));
        catalog.execute(&statement, &[]).await?;
    }
    Ok(())
}

/// Adds the months of rows of a trail.
pub fn collect_months(rows: &[Json], months: &mut BTreeSet<String>) {
    let found = rows
        .iter()
        .filter_map(|row| row["created_at"].as_str())
        .filter_map(|time| time.get(..7))
        // The month becomes part of a statement.
        .filter(|month| month.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
    for month in found {
        if !months.contains(month) {
            months.insert(month.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn months_are_digits() {
        let rows = [
            json!({ "created_at": "2030-01-31T12:00:00+00:00" }),
            json!({ "created_at": "2030-01-01T00:00:00+00:00" }),
            json!({ "created_at": "2030-'; x" }),
            json!({ "created_at": "2029" }),
            json!({}),
        ];
        let mut months = BTreeSet::new();
        collect_months(&rows, &mut months);
        assert_eq!(months.into_iter().collect::<Vec<_>>(), ["2030-01"]);
    }
}
