//! The counters of a day.

use chrono::NaiveDate;
use uuid::Uuid;

use super::day::day_number;
use crate::{redis_key, resource::DailyResource};

/// The number of seconds for which the counter of a day is kept.
pub(crate) const KEPT: i64 = 3 * 24 * 60 * 60;

/// A counter of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Counter {
    /// A resource of the tenant.
    Tenant(DailyResource),
    /// The calls of an API key.
    ApiKey(Uuid),
}

impl Counter {
    /// The calls of a tenant.
    pub(crate) const CALLS: Self = Self::Tenant(DailyResource::ApiCalls);

    /// Returns the Redis key of the counter.
    pub(crate) fn key(self, tenant: Uuid, day: NaiveDate) -> String {
        let number = day_number(day);
        match self {
            Self::Tenant(resource) => redis_key::usage(tenant, resource.as_str(), number),
            Self::ApiKey(id) => redis_key::api_key_calls(tenant, id, number),
        }
    }
}
