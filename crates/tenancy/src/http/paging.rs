//! Lists by offset.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::fields::FromField;

/// How many items a list shows: 1 to 100.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 50)]
pub struct Limit(u32);

impl Limit {
    /// Where nothing else is asked for.
    pub const DEFAULT: Self = Self(50);

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromField for Limit {
    fn from_json(value: Value) -> Result<Self, String> {
        match u32::from_json(value) {
            Ok(number @ 1..=100) => Ok(Self(number)),
            _ => Err("must be a whole number from 1 to 100".to_owned()),
        }
    }

    fn from_text(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(number @ 1..=100) => Ok(Self(number)),
            _ => Err("must be a whole number from 1 to 100".to_owned()),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: i64,
    /// How many come before the page.
    pub offset: u32,
    /// The most that a page shows.
    pub limit: u32,
}
