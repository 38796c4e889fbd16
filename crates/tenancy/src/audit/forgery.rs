//! Removes, counts and reports forged rows of outboxes. Their content is never repeated as a fact.
//!
//! The platform's chain receives at most one event per minute for each outbox, with the number of rows, so that forged
//! rows do not flood it. The log has one line for each removal.
//!
//! Under a crash: the log line is written before rows are removed. After a crash between the removal of a tenant's rows
//! and their count in the catalog, only the log line remains.

use std::collections::BTreeMap;

use platform::sql::{Connection, SqlError, Statement};
use serde_json::json;
use uuid::Uuid;

use crate::{
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name, outbox, seal::Reason},
    log,
    tenant::TenantDb,
};

/// The maximum number of ids in a log line.
const MOST_NAMED: usize = 5;

/// Removes forged rows from the catalog's outbox (`shared`) and from the outbox of a tenant's database (`own`), and
/// counts them. Returns the number of removed rows.
pub(super) async fn remove(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    database: Option<&TenantDb>,
    shared: &[(Uuid, Reason)],
    own: &[(Uuid, Reason)],
) -> Result<u64> {
    if shared.is_empty() && own.is_empty() {
        return Ok(0);
    }
    let effect = "forged audit events are in an outbox; removing them";
    log::warning(context, effect, &Error::internal(describe(tenant, shared, own)));
    let ids = |rows: &[(Uuid, Reason)]| rows.iter().map(|row| row.0).collect::<Vec<_>>();
    let removed = match database {
        Some(database) if !own.is_empty() => {
            outbox::delete(database.connection(), &ids(own)).await?
        }
        _ => 0,
    };
    let removed = i64::try_from(removed).unwrap_or(i64::MAX);
    let statement = "
        WITH removed AS (
            DELETE FROM audit_outbox
            WHERE id = ANY($2::text[]::uuid[]) AND tenant_id IS NOT DISTINCT FROM $3 RETURNING id
        ), counted AS (
            SELECT count(*) + $4::bigint AS rows FROM removed
        ), recorded AS (
            INSERT INTO audit_forgeries AS f (chain, unreported, total)
            SELECT $1::uuid, rows, rows FROM counted WHERE rows > 0
            ON CONFLICT (chain) DO UPDATE SET unreported = f.unreported + excluded.unreported,
                                              total = f.total + excluded.total
        )
        SELECT rows FROM counted";
    let chain = tenant.unwrap_or(Uuid::nil());
    let parameters =
        [chain.into(), outbox::texts(&ids(shared)).into(), tenant.into(), removed.into()];
    let row = catalog.query_first(statement, &parameters).await?;
    let rows: i64 = row.map_or(Ok(0), |row| row.get("rows"))?;
    Ok(rows.unsigned_abs())
}

fn describe(tenant: Option<Uuid>, shared: &[(Uuid, Reason)], own: &[(Uuid, Reason)]) -> String {
    let mut reasons = BTreeMap::<Reason, usize>::new();
    for (_, reason) in shared.iter().chain(own) {
        *reasons.entry(*reason).or_default() += 1;
    }
    let reasons = reasons.iter().map(|(reason, count)| format!("{count} {}", reason.as_str()));
    let ids = shared.iter().chain(own).take(MOST_NAMED).map(|row| row.0.to_string());
    let chain = tenant.map_or("the platform".to_owned(), |tenant| format!("the tenant {tenant}"));
    format!(
        "{chain}: {} of {} rows in the catalog and {} in the tenant's database, first ids: {}",
        reasons.collect::<Vec<_>>().join(", "),
        shared.len(),
        own.len(),
        ids.collect::<Vec<_>>().join(", "),
    )
}

/// When forged rows are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// If the last report is at least one minute old.
    IfDue,
    /// Immediately.
    Now,
}

/// Reports the forged rows of a chain that no event has reported yet, in the outbox of the platform's chain. Returns
/// whether it created an event.
pub(super) async fn report(
    context: &Context,
    catalog: &dyn Connection,
    tenant: Option<Uuid>,
    report: Report,
) -> Result<bool> {
    let chain = tenant.unwrap_or(Uuid::nil());
    let statement = "SELECT unreported, total FROM audit_forgeries
                     WHERE chain = $1 AND unreported > 0
                       AND ($2 OR reported_at <= now() - interval '1 minute')";
    let parameters = [chain.into(), (report == Report::Now).into()];
    let Some(row) = catalog.query_first(statement, &parameters).await? else { return Ok(false) };
    let (count, total): (i64, i64) = (row.get("unreported")?, row.get("total")?);
    let event = Event::new(name::AUDIT_EVENTS_FORGED)
        .failed()
        .severity(Severity::Warning)
        .about("audit_trail", chain)
        .detail(json!({ "tenant_id": tenant, "count": count, "total": total }));
    let entry = Entry::new(context, None, &Actor::system(), event);
    // If another call has reported them or counted more in the meantime, this call reports nothing.
    let statement = format!(
        "WITH reported AS (
             UPDATE audit_forgeries SET unreported = 0, reported_at = now()
             WHERE chain = :chain AND unreported = :count AND total = :total RETURNING chain
         ), {}
         SELECT chain FROM reported",
        outbox::recorded_if("reported")
    );
    let statement = Statement::new(statement)
        .bind("chain", chain)
        .bind("count", count)
        .bind("total", total)
        .bind_all(outbox::bindings(&entry));
    Ok(statement.query_first(catalog).await?.is_some())
}

/// Reports the forged rows of every chain that no event has reported yet.
pub(super) async fn report_all(context: &Context, catalog: &dyn Connection) -> Result<()> {
    let statement = "SELECT chain FROM audit_forgeries WHERE unreported > 0";
    let rows = catalog.query(statement, &[]).await?;
    let chains =
        rows.iter().map(|row| row.get("chain")).collect::<Result<Vec<Uuid>, SqlError>>()?;
    for chain in chains {
        let tenant = (!chain.is_nil()).then_some(chain);
        report(context, catalog, tenant, Report::Now).await?;
    }
    Ok(())
}
