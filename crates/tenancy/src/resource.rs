//! The resources that quotas limit, and the limits of plans and tenants.
//!
//! The declaration below determines the types, the members of requests and responses, the columns of `plans`, the
//! counters in Redis, the history and the labels of metrics. `docs/add-a-quota-resource.md` describes how to add a
//! resource.

mod declare;
mod schema;
mod text;

use declare::resources;

pub use declare::{LimitDeclaration, Unit};
use serde::{Deserialize, Serialize};
pub use text::Amount;
use utoipa::ToSchema;

/// The maximum value of a limit.
pub(crate) const MOST: i64 = 1_000_000_000_000_000;

/// The kind of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It exists at one time: users, files.
    Quantity(Quantity),
    /// It is counted per UTC day: API calls.
    Daily(DailyResource),
}

resources! {
    // Resources that exist at one time. They are counted in the tenant's database (`usage/stats.rs`), and each statement
    // that uses more of one compares it with the limit. The history has their maximum.
    quantities {
        Users: users {
            description: "The number of users.",
            plan_column: "max_users",
            unit: Unit::Count,
            default: None,
            place: 4,
        }
        Storage: storage {
            description: "The total size of files in bytes.",
            plan_column: "max_storage_bytes",
            unit: Unit::Bytes,
            default: None,
            place: 3,
        }
        Database: database {
            description: "The size of the tenant's database in bytes.",
            plan_column: "max_database_bytes",
            unit: Unit::Bytes,
            default: Some(1_000_000_000_000_000),
            place: 5,
        }
    }

    // Resources that are counted per UTC day, in Redis. Services report their use (`POST /api/v1/tenant/usage`, and
    // `consume` of `GET /api/v1/auth/verify`). The history has their sum. Admission also counts each call in `api_calls`.
    daily {
        ApiCalls: api_calls {
            description: "The number of API calls per day.",
            plan_column: "max_api_calls_per_day",
            unit: Unit::Count,
            default: None,
            place: 1,
        }
        AiRequests: ai_requests {
            description: "The number of AI requests per day.",
            plan_column: "max_ai_requests_per_day",
            unit: Unit::Count,
            default: None,
            place: 2,
        }
    }

    // Limits without a resource: their usage is neither reported nor stored.
    other_limits {
        requests_per_minute {
            description: "The number of API calls per minute.",
            plan_column: "max_requests_per_minute",
            unit: Unit::Count,
            default: None,
            minimum: 1,
        }
        cache {
            description: "The Redis memory for the cache in bytes.",
            plan_column: "max_cache_bytes",
            unit: Unit::Bytes,
            default: Some(67_108_864),
            minimum: 0,
        }
        database_credentials {
            description: "The number of database credentials at one time.",
            plan_column: "max_database_credentials",
            unit: Unit::Count,
            default: Some(10),
            minimum: 0,
        }
        database_connections {
            description: "The number of connections of all database credentials together.",
            plan_column: "max_database_connections",
            unit: Unit::Count,
            default: Some(50),
            minimum: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::input::Text as _;

    #[test]
    fn lists_contain_each_resource_once() {
        let names = Resource::ALL.map(Resource::as_str);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(DailyResource::ALL.len() + Quantity::ALL.len(), names.len());
        for resource in Resource::ALL {
            assert_eq!(Resource::parse(resource.as_str()), Ok(resource));
            assert!(LIMITS.iter().any(|limit| limit.name == resource.as_str()));
        }
    }

    #[test]
    fn names_and_columns_are_unique() {
        let names: BTreeSet<_> = LIMITS.iter().map(|limit| limit.name).collect();
        let columns: BTreeSet<_> = LIMITS.iter().map(|limit| limit.plan_column).collect();
        assert_eq!((names.len(), columns.len()), (LIMITS.len(), LIMITS.len()));
    }
}
