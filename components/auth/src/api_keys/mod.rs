//! `/api/v1/api-keys`

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod rotate;
pub mod update;

use serde::Serialize;
use tenancy::api_key::{ApiKey, ApiKeyRecord, ApiKeyView};
use utoipa::ToSchema;

/// An API key with its text, which is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShownOnce<'a> {
    #[serde(flatten)]
    key: ApiKeyView<'a>,
    /// The key itself. Keep it: it is not shown again.
    #[schema(example = "ldx_live_…")]
    api_key: &'a str,
}

impl<'a> ShownOnce<'a> {
    fn new(record: &'a ApiKeyRecord, key: &'a ApiKey) -> Self {
        Self { key: ApiKeyView::from(record), api_key: key.expose() }
    }
}
