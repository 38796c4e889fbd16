//! Changes of a tenant.

use super::{LimitChange, Status, TenantName, TenantSettings};
use crate::identifier::{Domain, EmailAddress};

/// An update of a tenant.
#[derive(Default)]
pub struct TenantChange {
    /// The display name.
    pub name: Option<TenantName>,
    /// The contact address of the tenant.
    pub admin_email: Option<EmailAddress>,
    /// The custom domains, the primary one first.
    pub domains: Option<Vec<Domain>>,
    /// The state.
    pub status: Option<Status>,
    /// Settings that the tenant's users can see.
    pub settings: Option<TenantSettings>,
    /// Settings that only the operator can see.
    pub private_settings: Option<TenantSettings>,
    /// The plan.
    pub plan: Option<String>,
    /// The limits that replace those of the plan.
    pub limits: Option<LimitChange>,
}
