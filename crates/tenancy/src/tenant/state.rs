//! The states of a tenant, and the operations that each state allows.
//!
//! [`Status::allowed`] is the only place that decides this. The statements compare the state with
//! [`Operation::sources`] and write the new state atomically.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{error::Error, input::Text};

/// The state of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The tenant is being created.
    Provisioning,
    /// The tenant accepts requests.
    Active,
    /// The tenant accepts no requests until an operator reactivates it.
    Suspended,
    /// The tenant's data is being destroyed.
    Deleting,
    /// The tenant is deleted, but its data is kept.
    Deleted,
}

/// An operation on a tenant that only some states allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Finishes the provisioning.
    FinishProvisioning,
    /// Updates other properties than the state.
    Update,
    /// Replaces the slug.
    Rename,
    /// Moves the database to another cluster.
    Move,
    /// Adds a data key.
    RotateDataKey,
    /// Sets a new password for the role of the database.
    RotateDatabasePassword,
    /// Lets the tenant accept requests.
    Activate,
    /// Lets the tenant reject requests until it is reactivated.
    Suspend,
    /// Deletes the tenant and keeps its data.
    Delete,
    /// Begins to destroy the tenant's data, or continues an interrupted destruction.
    Destroy,
    /// Removes a tenant whose data is destroyed.
    Remove,
}

impl Status {
    /// Lists every state.
    pub const ALL: [Self; 5] =
        [Self::Provisioning, Self::Active, Self::Suspended, Self::Deleting, Self::Deleted];

    /// Returns the name of the state in the catalog and in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the operations that this state allows.
    pub const fn allowed(self) -> &'static [Operation] {
        use Operation::{
            Activate, Delete, Destroy, FinishProvisioning, Move, Remove, Rename, RotateDataKey,
            RotateDatabasePassword, Suspend, Update,
        };
        match self {
            Self::Provisioning => &[FinishProvisioning, Update],
            Self::Active | Self::Suspended => &[
                Update,
                Rename,
                Move,
                RotateDataKey,
                RotateDatabasePassword,
                Activate,
                Suspend,
                Delete,
                Destroy,
            ],
            Self::Deleted => &[Move, RotateDatabasePassword, Delete, Destroy],
            Self::Deleting => &[Destroy, Remove],
        }
    }

    /// Checks that this state allows an operation.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`].
    pub fn check(self, operation: Operation) -> Result<(), Error> {
        if self.allowed().contains(&operation) {
            Ok(())
        } else {
            let to = operation.target().map(Self::as_str);
            Err(Error::IllegalTransition { from: self.as_str(), to })
        }
    }
}

impl Operation {
    /// Returns the state after the operation, or `None` if the operation does not change it.
    pub const fn target(self) -> Option<Status> {
        match self {
            Self::FinishProvisioning | Self::Activate => Some(Status::Active),
            Self::Suspend => Some(Status::Suspended),
            Self::Delete => Some(Status::Deleted),
            Self::Destroy => Some(Status::Deleting),
            Self::Update
            | Self::Rename
            | Self::Move
            | Self::RotateDataKey
            | Self::RotateDatabasePassword
            | Self::Remove => None,
        }
    }

    /// Returns the names of the states that allow the operation.
    pub fn sources(self) -> Vec<String> {
        self.states(true)
    }

    /// Returns the names of the states that do not allow the operation.
    pub fn illegal_sources(self) -> Vec<String> {
        self.states(false)
    }

    fn states(self, is_allowed: bool) -> Vec<String> {
        let states = Status::ALL.into_iter();
        states
            .filter(|status| status.allowed().contains(&self) == is_allowed)
            .map(|status| status.as_str().to_owned())
            .collect()
    }
}

impl Text for Status {
    fn parse(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
            "must be provisioning, active, suspended, deleting or deleted".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_start_from_their_states() {
        for (operation, sources, target) in [
            (Operation::FinishProvisioning, &["provisioning"][..], Some("active")),
            (Operation::Update, &["provisioning", "active", "suspended"], None),
            (Operation::Rename, &["active", "suspended"], None),
            (Operation::Move, &["active", "suspended", "deleted"], None),
            (Operation::RotateDataKey, &["active", "suspended"], None),
            (Operation::RotateDatabasePassword, &["active", "suspended", "deleted"], None),
            (Operation::Activate, &["active", "suspended"], Some("active")),
            (Operation::Suspend, &["active", "suspended"], Some("suspended")),
            (Operation::Delete, &["active", "suspended", "deleted"], Some("deleted")),
            (Operation::Destroy, &["active", "suspended", "deleting", "deleted"], Some("deleting")),
            (Operation::Remove, &["deleting"], None),
        ] {
            assert_eq!(operation.sources(), sources, "{operation:?}");
            assert_eq!(operation.target().map(Status::as_str), target, "{operation:?}");
            let illegal = operation.illegal_sources();
            assert_eq!(illegal.len() + sources.len(), Status::ALL.len(), "{operation:?}");
            assert!(illegal.iter().all(|state| !sources.contains(&state.as_str())));
        }
    }

    #[test]
    fn refusal_names_both_states() {
        assert!(Status::Active.check(Operation::Suspend).is_ok());
        let refused = Status::Deleted.check(Operation::Activate);
        assert!(matches!(
            refused,
            Err(Error::IllegalTransition { from: "deleted", to: Some("active") })
        ));
        let refused = Status::Deleting.check(Operation::Update);
        assert!(matches!(refused, Err(Error::IllegalTransition { from: "deleting", to: None })));
    }

    /// A tenant in every state can reach its removal, so no tenant is stuck.
    #[test]
    fn every_state_leads_to_removal() {
        for start in Status::ALL {
            let mut reached = vec![start];
            let mut index = 0;
            while let Some(status) = reached.get(index).copied() {
                for target in status.allowed().iter().filter_map(|operation| operation.target()) {
                    if !reached.contains(&target) {
                        reached.push(target);
                    }
                }
                index += 1;
            }
            assert!(reached.iter().any(|status| status.allowed().contains(&Operation::Remove)));
        }
    }
}
