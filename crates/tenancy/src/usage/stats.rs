//! The usage and limits of a tenant.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api_key,
    context::Context,
    database_credential,
    error::Result,
    quota,
    resource::{Amounts, Kind, Quantity, Resource},
    storage,
    tenant::{Limits, Status, TenantDb, TenantRecord},
    user,
};

/// The usage of a resource.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Usage {
    /// The resource.
    pub resource_type: Resource,
    /// Whether the tenant may use more of the resource.
    pub allowed: bool,
    /// The usage of today for daily resources, and the current usage for others.
    pub current_usage: i64,
    /// The limit.
    pub limit: i64,
    /// The remaining amount.
    pub remaining: i64,
    /// The usage as a percentage of the limit.
    pub percentage_used: f64,
}

impl Usage {
    /// Creates the usage of a resource.
    #[expect(clippy::cast_precision_loss, reason = "a percentage needs no more than 52 bits")]
    pub fn new(resource_type: Resource, current_usage: i64, limit: i64) -> Self {
        let percentage = if limit > 0 {
            (current_usage as f64 / limit as f64 * 10_000.0).round() / 100.0
        } else {
            100.0
        };
        Self {
            resource_type,
            allowed: current_usage < limit,
            current_usage,
            limit,
            remaining: limit.saturating_sub(current_usage).max(0),
            percentage_used: percentage,
        }
    }
}

/// Returns a tenant's usage of each resource in `asked`.
pub async fn usage(
    context: &Context,
    tenant: &TenantRecord,
    asked: &[Resource],
) -> Result<Vec<Usage>> {
    let used = used(context, tenant, asked).await?;
    let of = |resource: &Resource| {
        let used = used.get(resource).copied().unwrap_or(0);
        Usage::new(*resource, used, tenant.limits.of(*resource))
    };
    Ok(asked.iter().map(of).collect())
}

async fn used(
    context: &Context,
    tenant: &TenantRecord,
    asked: &[Resource],
) -> Result<HashMap<Resource, i64>> {
    let mut used = HashMap::new();
    if asked.iter().any(|resource| matches!(resource.kind(), Kind::Daily(_))) {
        let today = context.platform.clock.now().date_naive();
        let counted = quota::current(context, tenant.id, today).await?;
        used.extend(counted.into_iter().map(|(daily, used)| (daily.resource(), used)));
    }
    let quantity = |resource: &Resource| match resource.kind() {
        Kind::Quantity(quantity) => Some((*resource, quantity)),
        Kind::Daily(_) => None,
    };
    let mut quantities = asked.iter().filter_map(quantity).peekable();
    if quantities.peek().is_some() {
        let database = TenantDb::connect_to(context, tenant).await?;
        for (resource, quantity) in quantities {
            used.insert(resource, measure(&database, quantity).await?);
        }
    }
    Ok(used)
}

/// Returns the current amount of a quantity.
async fn measure(database: &TenantDb, quantity: Quantity) -> Result<i64> {
    match quantity {
        Quantity::Users => user::repo::count(database).await,
        Quantity::Storage => Ok(storage::repo::usage(database).await?.0),
        Quantity::Database => database_credential::size(database).await,
    }
}

/// Statistics of a tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Stats {
    tenant_id: Uuid,
    slug: String,
    status: Status,
    plan: String,
    user_count: i64,
    api_key_count: i64,
    file_count: i64,
    /// The current usage. For calls and AI requests, the usage of today.
    usage: Amounts,
    limits: Limits,
}

/// Returns the statistics of a tenant in any state, if its database exists.
pub async fn stats(context: &Context, tenant: &TenantRecord) -> Result<Stats> {
    let used = used(context, tenant, &Resource::ALL).await?;
    let amount = |resource: Resource| used.get(&resource).copied().unwrap_or(0);
    let database = TenantDb::connect_to(context, tenant).await?;
    let (_, file_count) = storage::repo::usage(&database).await?;
    let catalog = context.catalog().await?;
    Ok(Stats {
        tenant_id: tenant.id,
        slug: tenant.slug.as_str().to_owned(),
        status: tenant.status,
        plan: tenant.plan.clone(),
        user_count: amount(Resource::Users),
        api_key_count: api_key::repo::count(&*catalog, tenant.id).await?,
        file_count,
        usage: Amounts::new(amount),
        limits: tenant.limits,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_have_two_digits() {
        let usage = |used, limit| Usage::new(Resource::Users, used, limit);
        assert!((usage(1, 3).percentage_used - 33.33).abs() < f64::EPSILON);
        assert!((usage(0, 0).percentage_used - 100.0).abs() < f64::EPSILON);
        assert!(!usage(0, 0).allowed && usage(4, 5).allowed && !usage(5, 5).allowed);
        assert_eq!(usage(7, 5).remaining, 0);
    }
}
