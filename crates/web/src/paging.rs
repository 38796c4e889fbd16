//! Lists with offset pagination.

use serde::Serialize;
use serde_json::Value;
use tenancy::input::FromField;
use utoipa::ToSchema;

/// The maximum number of items on a page: 1 to 100.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 50)]
pub struct Limit(u32);

impl Limit {
    /// The default.
    pub const DEFAULT: Self = Self(50);

    /// Returns the number.
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

tenancy::fields! {
    /// The part of a list to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct PageQuery {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        pub offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        pub limit: Limit = Limit::DEFAULT,
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items on the page.
    pub items: Vec<T>,
    /// The total number of items.
    pub total: i64,
    /// The number of items before the page.
    pub offset: u32,
    /// The maximum number of items on the page.
    pub limit: u32,
}

impl<T: Clone> Page<T> {
    /// Returns the page of a whole list that a query selects.
    pub fn of(whole: &[T], PageQuery { offset, limit }: PageQuery) -> Self {
        let limit = limit.get();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let number = usize::try_from(limit).unwrap_or(usize::MAX);
        Self {
            items: whole.iter().skip(start).take(number).cloned().collect(),
            total: i64::try_from(whole.len()).unwrap_or(i64::MAX),
            offset,
            limit,
        }
    }
}
