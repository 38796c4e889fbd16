//! Changes of a tenant.

use super::{LimitChange, Operation, TenantName, TenantSettings};
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
    /// The change of the state.
    pub state: Option<StateChange>,
    /// Settings that the tenant's users can see.
    pub settings: Option<TenantSettings>,
    /// Settings that only the operator can see.
    pub private_settings: Option<TenantSettings>,
    /// The plan.
    pub plan: Option<String>,
    /// The limits that replace those of the plan.
    pub limits: Option<LimitChange>,
}

/// A change of a tenant's state.
#[derive(Debug)]
pub enum StateChange {
    /// The tenant accepts requests.
    Activate,
    /// The tenant rejects requests until it is reactivated.
    Suspend,
    /// The tenant is deleted, and its data is kept.
    Delete(DeletionRight),
    /// The tenant is destroyed with its data.
    Destroy(DeletionRight),
}

/// The right to delete tenants. `operator_key::Authority` returns it.
#[derive(Debug)]
pub struct DeletionRight(());

impl DeletionRight {
    /// Creates the right after the check of the caller's authority.
    pub(crate) fn granted() -> Self {
        Self(())
    }
}

impl TenantChange {
    /// Returns an update of only the state.
    pub fn of_state(state: StateChange) -> Self {
        Self { state: Some(state), ..Self::default() }
    }

    /// Returns the operation, which the state of the tenant must allow.
    pub(crate) fn operation(&self) -> Operation {
        match self.state {
            None => Operation::Update,
            Some(StateChange::Activate) => Operation::Activate,
            Some(StateChange::Suspend) => Operation::Suspend,
            Some(StateChange::Delete(_)) => Operation::Delete,
            Some(StateChange::Destroy(_)) => Operation::Destroy,
        }
    }
}
