//! `/admin/plans`

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod update;

use tenancy::{Error, Result, plan::PlanName};
use web::Operator;

/// Returns the plan name in the path.
fn name(operator: &mut Operator) -> Result<PlanName> {
    operator.call().parameter("name").map_err(|_| Error::PlanNotFound)
}
