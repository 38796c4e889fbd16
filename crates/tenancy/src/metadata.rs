//! Metadata: JSON objects that an application keeps with users and tenants, and by which it finds them.

use serde_json::{
    Value as Json,
    value::{RawValue, to_raw_value},
};
use utoipa::ToSchema;

use crate::{
    field::{FromField, Text},
    json::{self, JsonText},
};

/// The maximum size of the metadata of a user or of a tenant as JSON, in bytes. Constraints of the tables repeat it.
const MOST_BYTES: usize = 16 * 1024;
/// The maximum size of a filter, in bytes.
const MOST_FILTER_BYTES: usize = 1024;

/// A JSON object of at most 16 KiB.
#[derive(Debug, Clone, Default, PartialEq, Eq, ToSchema)]
#[schema(value_type = Object)]
pub struct Metadata(JsonText);

impl Metadata {
    /// Returns the object.
    pub fn json(&self) -> &JsonText {
        &self.0
    }
}

impl FromField for Metadata {
    fn from_json(value: Json) -> Result<Self, String> {
        let raw = to_raw_value(&value).map_err(|_| "must be JSON".to_owned())?;
        Self::from_exact_json(value, &raw)
    }

    fn from_exact_json(value: Json, text: &RawValue) -> Result<Self, String> {
        if !value.is_object() {
            return Err("must be an object".to_owned());
        }
        let json = JsonText::from_raw(text)?;
        if json.as_str().len() > MOST_BYTES {
            return Err("must have at most 16 KiB as JSON".to_owned());
        }
        Ok(Self(json))
    }
}

/// A JSON object of at most 1 KiB that selects metadata with the same members and values. Objects and arrays in it can
/// be parts of those in the metadata, as with the operator `@>` of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataFilter(JsonText);

impl MetadataFilter {
    /// Returns the object as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Text for MetadataFilter {
    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MOST_FILTER_BYTES {
            return Err(format!("must have at most {MOST_FILTER_BYTES} bytes"));
        }
        let wrong = || r#"must be a JSON object, such as {"team": "sales"}"#.to_owned();
        let members = json::parse_object(text.as_bytes()).map_err(|_| wrong())?;
        if members.iter().any(|(name, member)| name.contains('\0') || json::has_nul(&member.value))
        {
            return Err("must not have NUL characters".to_owned());
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| wrong())?;
        JsonText::from_raw(raw).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_is_a_bounded_object() {
        for value in [json!(null), json!([]), json!("{}"), json!(1)] {
            assert!(Metadata::from_json(value.clone()).is_err(), "{value}");
        }
        let of_size = |bytes: usize| Metadata::from_json(json!({ "a": "x".repeat(bytes - 8) }));
        assert!(of_size(MOST_BYTES).is_ok());
        assert!(of_size(MOST_BYTES + 1).is_err());
    }

    #[test]
    fn filters_are_bounded_objects() {
        for text in ["", "x", "[]", "null", r#"{"a":1"#, r#"{"a":1,"a":2}"#, r#"{"a":1e-99999}"#] {
            assert!(MetadataFilter::parse(text).is_err(), "{text}");
        }
        assert!(MetadataFilter::parse(r#"{"a":["\u0000"]}"#).unwrap_err().contains("NUL"));
        assert!(MetadataFilter::parse(r#"{"\u0000":1}"#).unwrap_err().contains("NUL"));
        let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MOST_FILTER_BYTES));
        assert!(MetadataFilter::parse(&long).unwrap_err().contains("1024"));
        let filter = MetadataFilter::parse(r#" { "b" : [ 1.0 ] , "a" : {} } "#).unwrap();
        assert_eq!(filter.as_str(), r#"{"a":{},"b":[1.0]}"#);
    }
}
