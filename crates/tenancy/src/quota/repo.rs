//! The statements on `tenant_usage` and `tenant_usage_reports`.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use platform::sql::{Connection, Row, SqlError, Statement};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    input::Text as _,
    quota::Counter,
    resource::{DailyResource, Resource},
};

/// Returns a tenant's usage of a resource on a day, as of the last checkpoint; `None` if there is none.
pub async fn find(
    catalog: &dyn Connection,
    tenant: Uuid,
    resource: &str,
    day: NaiveDate,
) -> Result<Option<i64>> {
    let statement = "SELECT amount FROM tenant_usage
                     WHERE tenant_id = $1 AND resource = $2 AND day = $3::text::date";
    let parameters = [tenant.into(), resource.into(), day.to_string().into()];
    let row = catalog.query_first(statement, &parameters).await?;
    Ok(row.map(|row| row.get("amount")).transpose()?)
}

/// Returns the number of calls of a tenant and of one of its API keys on a day, as of the last checkpoint.
pub(crate) async fn find_calls(
    catalog: &dyn Connection,
    tenant: Uuid,
    api_key: Option<Uuid>,
    day: NaiveDate,
) -> Result<(i64, i64)> {
    let statement = "
        SELECT COALESCE((SELECT amount FROM tenant_usage
                         WHERE tenant_id = $1 AND resource = $4 AND day = $3::text::date), 0)
                   AS of_tenant,
               COALESCE((SELECT calls FROM api_key_usage
                         WHERE api_key_id = $2 AND day = $3::text::date), 0) AS of_api_key";
    let calls = DailyResource::ApiCalls.as_str();
    let parameters = [tenant.into(), api_key.into(), day.to_string().into(), calls.into()];
    match catalog.query_first(statement, &parameters).await? {
        Some(row) => Ok((row.get("of_tenant")?, row.get("of_api_key")?)),
        None => Ok((0, 0)),
    }
}

/// Stores the usage of days, unless more is stored already. Deleted tenants and API keys are omitted.
pub(crate) async fn keep(
    catalog: &dyn Connection,
    usage: &HashMap<(Uuid, Counter, NaiveDate), i64>,
) -> Result<()> {
    let (mut tenants, mut api_keys) = (Vec::new(), Vec::new());
    for ((tenant, counter, day), amount) in usage {
        match counter {
            Counter::Tenant(resource) => tenants.push(
                json!({ "tenant": tenant, "resource": resource, "day": day, "amount": amount }),
            ),
            Counter::ApiKey(id) => {
                api_keys.push(json!({ "api_key": id, "day": day, "calls": amount }));
            }
        }
    }
    if !tenants.is_empty() {
        keep_rows(catalog, tenants).await?;
    }
    if !api_keys.is_empty() {
        keep_api_key_rows(catalog, api_keys).await?;
    }
    Ok(())
}

async fn keep_api_key_rows(catalog: &dyn Connection, rows: Vec<Json>) -> Result<()> {
    let statement = "
        WITH stored AS (
            SELECT r.api_key, r.day, r.calls
            FROM jsonb_to_recordset($1) AS r (api_key uuid, day date, calls bigint)
            JOIN tenant_api_keys k ON k.id = r.api_key
        ), outdated AS (
            DELETE FROM api_key_usage u USING stored s
            WHERE u.api_key_id = s.api_key AND u.day < s.day - 7
        )
        INSERT INTO api_key_usage AS u (api_key_id, day, calls)
        -- In one order, so that two instances never wait for one another.
        SELECT api_key, day, calls FROM stored ORDER BY api_key, day
        ON CONFLICT (api_key_id, day) DO UPDATE SET calls = excluded.calls
        WHERE u.calls < excluded.calls";
    catalog.execute(statement, &[Json::Array(rows).into()]).await?;
    Ok(())
}

/// Stores a tenant's peak usage of a resource on a day, unless more is stored already.
pub(crate) async fn keep_peak(
    catalog: &dyn Connection,
    tenant: Uuid,
    resource: Resource,
    day: NaiveDate,
    amount: i64,
) -> Result<()> {
    let row = json!({ "tenant": tenant, "resource": resource, "day": day, "amount": amount });
    keep_rows(catalog, vec![row]).await
}

/// Returns the sum of the last recorded amounts of all tenants.
pub(crate) async fn sum_latest(catalog: &dyn Connection, resource: Resource) -> Result<i64> {
    let statement = "
        SELECT COALESCE(sum(amount), 0)::bigint AS total FROM (
            SELECT DISTINCT ON (tenant_id) amount FROM tenant_usage WHERE resource = $1
            ORDER BY tenant_id, day DESC) latest";
    let row = catalog.query_first(statement, &[resource.as_str().into()]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("total"))?)
}

async fn keep_rows(catalog: &dyn Connection, rows: Vec<Json>) -> Result<()> {
    let statement = "
        INSERT INTO tenant_usage AS u (tenant_id, resource, day, amount)
        SELECT r.tenant, r.resource, r.day, r.amount
        FROM jsonb_to_recordset($1) AS r (tenant uuid, resource text, day date, amount bigint)
        JOIN tenants t ON t.id = r.tenant
        -- In one order, so that two instances never wait for one another.
        ORDER BY r.tenant, r.resource, r.day
        ON CONFLICT (tenant_id, resource, day) DO UPDATE
        SET amount = GREATEST(u.amount, excluded.amount), updated_at = now()
        WHERE u.amount < excluded.amount";
    catalog.execute(statement, &[Json::Array(rows).into()]).await?;
    Ok(())
}

/// A use that a service reports.
#[derive(Debug, Clone)]
pub(super) struct Report {
    pub(super) resource: DailyResource,
    pub(super) amount: i64,
    pub(super) day: NaiveDate,
    /// The usage of the day's quota after the report was counted.
    pub(super) usage: Option<i64>,
    /// The Redis process that counted it.
    pub(super) process: Option<String>,
}

/// Records a report under its key, or returns the existing report with that key. Reports expire after one day.
pub(super) async fn claim(
    catalog: &dyn Connection,
    tenant: Uuid,
    key: &str,
    new: &Report,
) -> Result<Report> {
    let statement = "
        WITH forgotten AS (
            DELETE FROM tenant_usage_reports
            WHERE tenant_id = :tenant AND created_at <= now() - interval '24 hours' AND key <> :key
        )
        INSERT INTO tenant_usage_reports AS r (tenant_id, key, resource, amount, day)
        VALUES (:tenant, :key, :resource, :amount, :day::text::date)
        -- Also finds a row that another call has just written.
        ON CONFLICT (tenant_id, key) DO UPDATE SET key = r.key
        RETURNING resource, amount, day::text AS day, usage, redis_process";
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("key", key)
        .bind("resource", new.resource.as_str())
        .bind("amount", new.amount)
        .bind("day", new.day.to_string());
    let row = statement.query_first(catalog).await?;
    let row = row.ok_or_else(|| Error::internal("the statement returned no report"))?;
    Ok(report(&row)?)
}

/// Withdraws a report that was not counted.
pub(super) async fn withdraw(catalog: &dyn Connection, tenant: Uuid, key: &str) -> Result<()> {
    let statement = "DELETE FROM tenant_usage_reports
                     WHERE tenant_id = $1 AND key = $2 AND usage IS NULL";
    catalog.execute(statement, &[tenant.into(), key.into()]).await?;
    Ok(())
}

/// Stores in one statement that a report was counted, and the value of the counter after it.
pub(super) async fn settle(
    catalog: &dyn Connection,
    tenant: Uuid,
    key: &str,
    report: &Report,
) -> Result<()> {
    let statement = "
        WITH settled AS (
            UPDATE tenant_usage_reports SET usage = :usage, redis_process = :process
            WHERE tenant_id = :tenant AND key = :key AND usage IS NULL
            RETURNING tenant_id
        )
        INSERT INTO tenant_usage AS u (tenant_id, resource, day, amount)
        SELECT tenant_id, :resource, :day::text::date, :usage FROM settled
        -- Neither amount has this report: reports that are settled at once add up.
        ON CONFLICT (tenant_id, resource, day) DO UPDATE
        SET amount = GREATEST(u.amount, excluded.amount - :amount) + :amount, updated_at = now()";
    let statement = Statement::new(statement)
        .bind("tenant", tenant)
        .bind("key", key)
        .bind("usage", report.usage.unwrap_or(0))
        .bind("resource", report.resource.as_str())
        .bind("day", report.day.to_string())
        .bind("process", report.process.clone())
        .bind("amount", report.amount);
    statement.execute(catalog).await?;
    Ok(())
}

fn report(row: &Row) -> Result<Report, SqlError> {
    let decode = |what: &str| SqlError::Decode(format!("a usage report has an invalid {what}"));
    Ok(Report {
        resource: DailyResource::parse(&row.get::<String>("resource")?)
            .map_err(|_| decode("resource"))?,
        amount: row.get("amount")?,
        day: row.get::<String>("day")?.parse().map_err(|_| decode("day"))?,
        usage: row.get("usage")?,
        process: row.get("redis_process")?,
    })
}

/// The period over which a history is aggregated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// Each UTC day separately.
    Day,
    /// Each month: the sum of daily counts, and the maximum of quantities that exist at one time.
    Month,
}

impl crate::input::Text for Granularity {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "day" => Ok(Self::Day),
            "month" => Ok(Self::Month),
            _ => Err("must be day or month".to_owned()),
        }
    }
}

/// The filter of a history.
#[derive(Debug, Clone)]
pub struct HistoryFilter {
    /// Only this tenant.
    pub tenant: Option<Uuid>,
    /// Only this resource.
    pub resource: Option<Resource>,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The period over which the usage is aggregated.
    pub granularity: Granularity,
    /// The number of entries to skip.
    pub offset: u32,
    /// The maximum number of entries.
    pub limit: u32,
}

/// The usage of a tenant in a day or a month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Used {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The tenant's slug.
    pub tenant_slug: String,
    /// The day as `2030-01-31`, or the month as `2030-01`.
    pub period: String,
    /// The resource.
    pub resource_type: String,
    /// The amount: the sum of daily counts, and the maximum of quantities that exist at one time.
    pub amount: i64,
}

/// Returns the entries that `filter` selects, the newest first, and their total number.
pub async fn history(catalog: &dyn Connection, filter: &HistoryFilter) -> Result<(Vec<Used>, i64)> {
    let format = match filter.granularity {
        Granularity::Day => "YYYY-MM-DD",
        Granularity::Month => "YYYY-MM",
    };
    let statement = "
        WITH used AS (
            SELECT u.tenant_id, t.slug AS tenant_slug, to_char(u.day, :format) AS period, u.resource,
                   CASE WHEN u.resource = ANY (:daily::text[]) THEN sum(u.amount)::bigint
                        ELSE max(u.amount) END AS amount
            FROM tenant_usage u JOIN tenants t ON t.id = u.tenant_id
            WHERE (:tenant::uuid IS NULL OR u.tenant_id = :tenant)
              AND (:resource::text IS NULL OR u.resource = :resource)
              AND u.day BETWEEN :from::text::date AND :to::text::date
            GROUP BY u.tenant_id, t.slug, to_char(u.day, :format), u.resource
        ), page AS (
            SELECT * FROM used ORDER BY period DESC, tenant_slug, resource
            OFFSET :offset LIMIT :limit
        )
        SELECT counted.total, page.* FROM (SELECT count(*) AS total FROM used) counted
        LEFT JOIN page ON true ORDER BY period DESC, tenant_slug, resource";
    let daily = DailyResource::ALL.map(|resource| resource.as_str().to_owned());
    let statement = Statement::new(statement)
        .bind("tenant", filter.tenant)
        .bind("resource", filter.resource.map(Resource::as_str))
        .bind("from", filter.from.to_string())
        .bind("to", filter.to.to_string())
        .bind("format", format)
        .bind("offset", i64::from(filter.offset))
        .bind("limit", i64::from(filter.limit))
        .bind("daily", daily.to_vec());
    let rows = statement.query(catalog).await?;
    let total = rows.first().map_or(Ok(0), |row| row.get("total"))?;
    let used = rows
        .iter()
        // A page past the end has one row, which contains only the total.
        .filter(|row| !matches!(row.get::<Option<Uuid>>("tenant_id"), Ok(None)))
        .map(|row| {
            Ok(Used {
                tenant_id: row.get("tenant_id")?,
                tenant_slug: row.get("tenant_slug")?,
                period: row.get("period")?,
                resource_type: row.get("resource")?,
                amount: row.get("amount")?,
            })
        })
        .collect::<Result<_, SqlError>>()?;
    Ok((used, total))
}

/// Deletes the reports from before a time, and returns their number.
pub async fn forget_reports(catalog: &dyn Connection, before: DateTime<Utc>) -> Result<u64> {
    let statement = "DELETE FROM tenant_usage_reports
                     WHERE created_at <= $1::timestamp AT TIME ZONE 'UTC'";
    Ok(catalog.execute(statement, &[before.into()]).await?)
}
