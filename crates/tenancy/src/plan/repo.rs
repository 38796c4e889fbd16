//! SQL statements on `plans`.

use platform::sql::{Connection, Row, Rows, SqlError, Statement};
use serde_json::Value as Json;

use super::{Plan, PlanName};
use crate::{
    error::{Error, Result},
    event::{Entry, outbox},
    tenant::{LimitChange, Limits},
};

const SELECT: &str = "
    SELECT p.name, to_jsonb(p) AS plan_row, p.is_default,
           (SELECT count(*) FROM tenants t WHERE t.plan = p.name) AS tenant_count,
           p.created_at AT TIME ZONE 'UTC' AS created_at,
           p.updated_at AT TIME ZONE 'UTC' AS updated_at
    FROM plans p";

/// Returns every plan, in ascending order of daily calls.
pub async fn list(catalog: &dyn Connection) -> Result<Rows<Plan>> {
    let statement = format!("{SELECT} ORDER BY p.max_api_calls_per_day, p.name");
    let rows = catalog.query(&statement, &[]).await?;
    Ok(Rows::read(&rows, plan))
}

/// Returns the plan with a name, if it exists.
pub async fn find(catalog: &dyn Connection, name: &PlanName) -> Result<Option<Plan>> {
    let statement = format!("{SELECT} WHERE p.name = $1");
    let row = catalog.query_first(&statement, &[name.as_str().into()]).await?;
    Ok(row.as_ref().map(plan).transpose()?)
}

/// Creates or updates a plan. Returns `false` and writes nothing if the plan to create already exists, or if the plan
/// to update does not exist.
pub(super) async fn put(
    catalog: &dyn Connection,
    name: &PlanName,
    is_new: bool,
    limits: Option<&LimitChange>,
    is_default: Option<bool>,
    entry: &Entry,
) -> Result<bool> {
    let statement =
        "SELECT put_plan(:name, :is_new, :limits, :is_default, :entry_id, :entry) AS done";
    let statement = Statement::new(statement)
        .bind("name", name.as_str())
        .bind("is_new", is_new)
        .bind("limits", limits.map(LimitChange::to_value))
        .bind("is_default", is_default)
        .bind("entry_id", entry.id)
        .bind("entry", entry.json.clone());
    let row = statement.query_first(catalog).await?;
    row.map_or(Ok(false), |row| Ok(row.get("done")?))
}

/// Deletes a plan that is not the default and has no tenants. Returns `false` if there is no such plan.
pub(super) async fn delete(
    catalog: &dyn Connection,
    name: &PlanName,
    entry: &Entry,
) -> Result<bool> {
    let statement = format!(
        "WITH deleted AS (
             DELETE FROM plans p WHERE name = :name AND NOT is_default
               AND NOT EXISTS (SELECT FROM tenants t WHERE t.plan = p.name)
             RETURNING name
         ), {}
         SELECT name FROM deleted",
        outbox::recorded_if("deleted")
    );
    let statement =
        Statement::new(statement).bind("name", name.as_str()).bind_all(outbox::bindings(entry));
    match statement.query_first(catalog).await {
        Ok(row) => Ok(row.is_some()),
        // A tenant was assigned the plan concurrently.
        Err(error) if error.constraint() == Some("tenants_plan_fkey") => Err(Error::PlanInUse),
        Err(error) => Err(error.into()),
    }
}

fn plan(row: &Row) -> Result<Plan, SqlError> {
    Ok(Plan {
        name: row.get("name")?,
        limits: Limits::read(&row.get("plan_row")?, &Json::Null)?,
        is_default: row.get("is_default")?,
        tenant_count: row.get("tenant_count")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
