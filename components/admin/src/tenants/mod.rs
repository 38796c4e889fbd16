//! `/admin/tenants`

pub mod api_keys;
pub mod create;
pub mod delete;
pub mod files;
pub mod former_slugs;
pub mod get;
pub mod list;
pub mod rename;
pub mod rotate_key;
pub mod stats;
pub mod update;
pub mod users;

use tenancy::{
    Error, Result,
    tenant::{TenantRecord, repo},
};
use uuid::Uuid;
use web::{Conditions, Operator, Validators};

/// Returns the validators of a tenant. Its version is its entity tag.
fn validators(tenant: &TenantRecord) -> Result<Validators> {
    Validators::new(&tenant.version.to_string(), tenant.updated_at)
}

/// Evaluates the conditions of a change of a tenant, and returns the version that the change must find.
///
/// # Errors
/// [`Error::PreconditionFailed`], and [`Error::TenantNotFound`] if there is a condition and no tenant.
async fn wanted_version(operator: &mut Operator, id: Uuid) -> Result<Option<i64>> {
    let conditions = Conditions::of(operator.call().request())?;
    if conditions.is_empty() {
        return Ok(None);
    }
    let catalog = operator.context().catalog().await?;
    let tenant = repo::find(&*catalog, id).await?.ok_or(Error::TenantNotFound)?;
    conditions.check_change(Some(&validators(&tenant)?))?;
    Ok((!conditions.needs_any()).then_some(tenant.version))
}
