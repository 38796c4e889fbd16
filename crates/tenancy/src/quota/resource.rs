//! What is counted.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{http::fields::Text, tenant::Limits};

/// What a tenant's plan limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Calls of the API in a day of UTC.
    ApiCalls,
    /// AI requests in a day of UTC.
    AiRequests,
    /// Bytes of files.
    Storage,
    /// Users.
    Users,
}

impl Resource {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::ApiCalls, Self::AiRequests, Self::Storage, Self::Users];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiCalls => "api_calls",
            Self::AiRequests => "ai_requests",
            Self::Storage => "storage",
            Self::Users => "users",
        }
    }

    /// How much of it these limits allow.
    pub const fn limit(self, limits: &Limits) -> i64 {
        match self {
            Self::ApiCalls => limits.api_calls,
            Self::AiRequests => limits.ai_requests,
            Self::Storage => limits.storage,
            Self::Users => limits.users,
        }
    }
}

impl Text for Resource {
    fn parse(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|resource| resource.as_str() == text)
            .ok_or_else(|| "must be api_calls, ai_requests, storage or users".to_owned())
    }
}

/// What is counted by the day of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DailyResource {
    /// Calls of the API.
    ApiCalls,
    /// AI requests.
    AiRequests,
}

impl DailyResource {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::ApiCalls, Self::AiRequests];

    /// The same among all resources.
    pub const fn resource(self) -> Resource {
        match self {
            Self::ApiCalls => Resource::ApiCalls,
            Self::AiRequests => Resource::AiRequests,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        self.resource().as_str()
    }
}

impl Text for DailyResource {
    fn parse(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|resource| resource.as_str() == text)
            .ok_or_else(|| "must be api_calls or ai_requests".to_owned())
    }
}

/// So much of a resource, written `ai_requests:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The resource.
    pub resource: DailyResource,
    /// How much: 1 to 1,000.
    pub amount: i64,
}

impl Text for Amount {
    fn parse(text: &str) -> Result<Self, String> {
        let invalid = || "must be api_calls or ai_requests, a colon, and 1 to 1000".to_owned();
        let (name, amount) = text.split_once(':').ok_or_else(invalid)?;
        let resource = DailyResource::parse(name).map_err(|_| invalid())?;
        match amount.parse() {
            Ok(amount @ 1..=1_000) => Ok(Self { resource, amount }),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_resource_and_a_number() {
        let one = Amount { resource: DailyResource::AiRequests, amount: 1 };
        assert_eq!(Amount::parse("ai_requests:1"), Ok(one));
        for text in ["", "ai_requests", "ai_requests:0", "ai_requests:-1", "storage:1", "users:x"] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
    }
}
