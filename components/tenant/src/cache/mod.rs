//! `/api/v1/cache`

pub mod clear;
pub mod delete;
pub mod get;
pub mod put;

use tenancy::{Result, cache::CacheKey};
use web::Member;

/// Returns the cache key in the path of the request.
fn key(member: &mut Member) -> Result<CacheKey> {
    CacheKey::from_encoded(member.call().raw_parameter("key")?)
}
