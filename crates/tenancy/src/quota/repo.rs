//! The statements on `tenant_usage`.

use chrono::NaiveDate;
use uuid::Uuid;

use crate::{error::Result, platform::sql::Connection};

/// How much of a resource a tenant has used on a day, as of the last checkpoint; `None` when there
/// was none.
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

/// Keeps how much was used on a day, unless more is kept already.
pub async fn keep(
    catalog: &dyn Connection,
    tenant: Uuid,
    resource: &str,
    day: NaiveDate,
    amount: i64,
) -> Result<()> {
    let statement = "
        INSERT INTO tenant_usage AS u (tenant_id, resource, day, amount)
        VALUES ($1, $2, $3::text::date, $4)
        ON CONFLICT (tenant_id, resource, day) DO UPDATE
        SET amount = GREATEST(u.amount, excluded.amount), updated_at = now()
        WHERE u.amount < excluded.amount";
    let parameters = [tenant.into(), resource.into(), day.to_string().into(), amount.into()];
    catalog.execute(statement, &parameters).await?;
    Ok(())
}
