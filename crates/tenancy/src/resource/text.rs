//! The names of resources in requests, responses and messages.

use serde::{Serialize, Serializer};

use super::{DailyResource, Resource};
use crate::input::Text;

impl Text for Resource {
    fn parse(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        let found = Self::ALL.into_iter().find(|resource| resource.as_str() == text);
        found.ok_or_else(|| format!("must be {}", one_of(&names)))
    }
}

impl DailyResource {
    /// Returns the name of the resource.
    pub const fn as_str(self) -> &'static str {
        self.resource().as_str()
    }
}

impl Text for DailyResource {
    fn parse(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::as_str);
        let found = Self::ALL.into_iter().find(|resource| resource.as_str() == text);
        found.ok_or_else(|| format!("must be {}", one_of(&names)))
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
        let invalid = || {
            let names = DailyResource::ALL.map(DailyResource::as_str);
            format!("must be {}, a colon, and 1 to 1000", one_of(&names))
        };
        let (name, amount) = text.split_once(':').ok_or_else(invalid)?;
        let resource = DailyResource::parse(name).map_err(|_| invalid())?;
        match amount.parse() {
            Ok(amount @ 1..=1_000) => Ok(Self { resource, amount }),
            _ => Err(invalid()),
        }
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for DailyResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Returns the names as a phrase: `a, b or c`.
fn one_of(names: &[&str]) -> String {
    match names {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        names => names.concat(),
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

    #[test]
    fn names_form_a_phrase() {
        for (names, phrase) in
            [(&["a"][..], "a"), (&["a", "b"], "a or b"), (&["a", "b", "c"], "a, b or c")]
        {
            assert_eq!(one_of(names), phrase);
        }
    }
}
