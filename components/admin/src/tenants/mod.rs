//! `/admin/tenants`

pub mod api_keys;
pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod rotate_key;
pub mod stats;
pub mod update;

use http::HeaderValue;
use tenancy::tenant::TenantRecord;

/// The entity tag of a tenant: its version, for `If-Match`.
fn entity_tag(tenant: &TenantRecord) -> HeaderValue {
    // Digits in quotes are a valid value.
    HeaderValue::from_str(&format!("\"{}\"", tenant.version))
        .unwrap_or(HeaderValue::from_static("\"0\""))
}
