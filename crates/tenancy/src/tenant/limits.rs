//! The limits of a tenant, and their changes.

use platform::sql::SqlError;
use serde_json::{Map, Value};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    error::InvalidField,
    input::FromField,
    resource::{LIMITS, Limits, MOST},
    text::printable,
};

/// The maximum number of invalid members that are reported.
const MOST_TOLD: usize = 20;

impl Limits {
    /// Reads the limits from a row of `plans` as JSON. A tenant's own limits replace them.
    pub(crate) fn read(plan: &Value, own: &Value) -> Result<Self, SqlError> {
        Self::from_plan(|column| {
            let number = |limits: &Value| limits.get(column).and_then(Value::as_i64);
            let invalid = || SqlError::Decode(format!("a plan has an invalid {column}"));
            number(own).or_else(|| number(plan)).ok_or_else(invalid)
        })
    }
}

/// Limits of a tenant that replace those of its plan. Each one is a whole number, or null for the limit of the plan.
#[derive(Debug, Clone)]
pub struct LimitChange(Map<String, Value>);

impl LimitChange {
    /// Returns the first limit that is absent and has no default.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let is_given = |column: &str| self.0.get(column).is_some_and(|limit| !limit.is_null());
        let mut required = LIMITS.iter().filter(|limit| limit.default.is_none());
        required.find(|limit| !is_given(limit.plan_column)).map(|limit| limit.name)
    }

    /// Returns the first limit that is null.
    pub(crate) fn cleared(&self) -> Option<&'static str> {
        let is_null = |column: &str| self.0.get(column).is_some_and(Value::is_null);
        LIMITS.iter().find(|limit| is_null(limit.plan_column)).map(|limit| limit.name)
    }

    /// Returns the limits by the names of the plan's columns.
    pub(crate) fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }
}

impl FromField for LimitChange {
    fn invalid_members(value: &Value) -> Vec<InvalidField> {
        let mistake = |(name, value): (&String, &Value)| {
            let Some(limit) = LIMITS.iter().find(|limit| limit.name == name) else {
                let known: Vec<_> = LIMITS.iter().map(|limit| limit.name).collect();
                let message = format!("must be one of {}", known.join(", "));
                return Some(InvalidField::new(printable(name), message));
            };
            let least = limit.minimum;
            let is_in_range = value.as_i64().is_some_and(|value| (least..=MOST).contains(&value));
            let message = format!("must be a whole number from {least} to {MOST}, or null");
            (!value.is_null() && !is_in_range).then(|| InvalidField::new(name, message))
        };
        let limits = value.as_object().into_iter().flatten();
        limits.filter_map(mistake).take(MOST_TOLD).collect()
    }

    fn from_json(value: Value) -> Result<Self, String> {
        let Value::Object(mut limits) = value else {
            return Err("must be an object".to_owned());
        };
        let columns = LIMITS
            .iter()
            .filter_map(|limit| Some((limit.plan_column.to_owned(), limits.remove(limit.name)?)));
        Ok(Self(columns.collect()))
    }
}

impl PartialSchema for LimitChange {
    fn schema() -> RefOr<Schema> {
        let mut change = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Limits in an update."));
        for limit in LIMITS {
            change = change.property(limit.name, limit.update_schema());
        }
        change.into()
    }
}

impl ToSchema for LimitChange {}
