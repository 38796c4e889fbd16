//! The resources that quotas limit.

use serde::Serialize;
use utoipa::ToSchema;

use crate::input::Text;

/// A resource that a tenant's plan limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// API calls per UTC day.
    ApiCalls,
    /// AI requests per UTC day.
    AiRequests,
    /// Bytes of files.
    Storage,
    /// Users.
    Users,
}

impl Resource {
    /// Lists every resource.
    pub const ALL: [Self; 4] = [Self::ApiCalls, Self::AiRequests, Self::Storage, Self::Users];

    /// Returns the name of the resource.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiCalls => "api_calls",
            Self::AiRequests => "ai_requests",
            Self::Storage => "storage",
            Self::Users => "users",
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

/// A resource that is limited per UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DailyResource {
    /// API calls.
    ApiCalls,
    /// AI requests.
    AiRequests,
}

impl DailyResource {
    /// Lists every daily resource.
    pub const ALL: [Self; 2] = [Self::ApiCalls, Self::AiRequests];

    /// Converts the daily resource to a resource.
    pub const fn resource(self) -> Resource {
        match self {
            Self::ApiCalls => Resource::ApiCalls,
            Self::AiRequests => Resource::AiRequests,
        }
    }

    /// Returns the name of the resource.
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

/// An amount of a resource, written `ai_requests:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The resource.
    pub resource: DailyResource,
    /// The amount: 1 to 1,000.
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
    fn amount_parses_as_resource_and_number() {
        let one = Amount { resource: DailyResource::AiRequests, amount: 1 };
        assert_eq!(Amount::parse("ai_requests:1"), Ok(one));
        for text in ["", "ai_requests", "ai_requests:0", "ai_requests:-1", "storage:1", "users:x"] {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
    }
}
