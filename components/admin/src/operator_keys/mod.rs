//! `/admin/operator-keys`

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod rotate;
pub mod update;

use tenancy::{
    Result,
    error::OperatorKeyError,
    operator_key::{OperatorKeyRecord, repo},
};
use uuid::Uuid;
use web::{Conditions, Operator, Validators};

/// Returns the id of the key in the path.
fn id(operator: &mut Operator) -> Result<Uuid> {
    operator.call().parameter("id").map_err(|_| OperatorKeyError::NotFound.into())
}

/// Returns the validators of a key. Its version is its entity tag.
fn validators(key: &OperatorKeyRecord) -> Result<Validators> {
    Validators::new(&key.version.to_string(), key.updated_at)
}

/// Evaluates the conditions of a change of a key, and returns the version that the change must find.
///
/// # Errors
/// [`tenancy::Error::PreconditionFailed`], and [`OperatorKeyError::NotFound`] if there is a condition and no key.
async fn wanted_version(operator: &mut Operator, id: Uuid) -> Result<Option<i64>> {
    let conditions = Conditions::of(operator.call().request())?;
    if conditions.is_empty() {
        return Ok(None);
    }
    let catalog = operator.context().catalog().await?;
    let key = repo::find(&*catalog, id).await?.ok_or(OperatorKeyError::NotFound)?;
    conditions.check_change(Some(&validators(&key)?))?;
    Ok((!conditions.needs_any()).then_some(key.version))
}
