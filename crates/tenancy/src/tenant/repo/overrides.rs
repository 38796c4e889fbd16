//! The limits of tenants that replace those of their plans.

use platform::sql::Connection;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{error::Result, resource::LIMITS};

/// Returns the limits that a tenant has instead of those of its plan, by the names of the limits. The others follow the
/// plan. Returns none for a tenant that does not exist.
pub async fn find(catalog: &dyn Connection, tenant: Uuid) -> Result<Map<String, Value>> {
    let statement = "SELECT limit_overrides FROM tenants WHERE id = $1";
    let Some(row) = catalog.query_first(statement, &[tenant.into()]).await? else {
        return Ok(Map::new());
    };
    let columns: Value = row.get("limit_overrides")?;
    let limits = LIMITS.iter().filter_map(|limit| {
        let value = columns.get(limit.plan_column).filter(|value| !value.is_null())?;
        Some((limit.name.to_owned(), value.clone()))
    });
    Ok(limits.collect())
}
