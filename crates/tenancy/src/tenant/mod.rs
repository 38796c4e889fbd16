//! Tenants: their records in the catalog, their databases, and the proof that a tenant was resolved.

mod cached;
mod change;
pub mod cluster;
pub(crate) mod database;
mod limits;
pub mod moves;
mod record;
pub mod repo;
pub mod shown;
mod state;

use std::{ops::Deref, rc::Rc};

pub use change::{DeletionRight, StateChange, TenantChange};
pub use database::TenantDb;
pub use limits::LimitChange;
pub use record::{OperatorTenantView, TenantName, TenantRecord, TenantSettings, TenantView};
pub use state::{Operation, Status};

use crate::error::{Error, Result};
pub use crate::resource::Limits;

/// A resolved tenant that accepts requests.
///
/// Access to everything that belongs to a tenant (its database, cache, files, counters) requires a value of this type,
/// and only resolution creates one.
#[derive(Debug, Clone)]
pub struct Tenant(Rc<TenantRecord>);

impl Tenant {
    /// Admits a request if the state of the tenant allows it.
    ///
    /// # Errors
    /// The reason why the tenant does not accept requests: it is suspended, deleted or not provisioned yet.
    pub(crate) fn admit(record: Rc<TenantRecord>) -> Result<Self> {
        match record.status {
            Status::Active => Ok(Self(record)),
            Status::Suspended => Err(Error::TenantSuspended),
            Status::Provisioning => Err(Error::TenantNotFound),
            Status::Deleting | Status::Deleted => Err(Error::TenantDeleted),
        }
    }

    /// Admits a sign-in, together with the error for a caller with valid credentials, if there is one. Returns `None`
    /// if the state of the tenant does not allow sign-ins.
    pub(crate) fn admit_to_sign_in(record: Rc<TenantRecord>) -> Option<(Self, Option<Error>)> {
        match record.status {
            Status::Active => Some((Self(record), None)),
            Status::Suspended => Some((Self(record), Some(Error::TenantSuspended))),
            Status::Provisioning | Status::Deleting | Status::Deleted => None,
        }
    }

    /// Admits an operator's request if the tenant's keys may be managed in its current state.
    ///
    /// # Errors
    /// [`Error::TenantNotFound`] for a tenant that is not provisioned yet, [`Error::TenantDeleted`].
    pub fn of_operator(record: Rc<TenantRecord>) -> Result<Self> {
        match record.status {
            Status::Active | Status::Suspended => Ok(Self(record)),
            Status::Provisioning => Err(Error::TenantNotFound),
            Status::Deleting | Status::Deleted => Err(Error::TenantDeleted),
        }
    }

    /// Returns the tenant's record.
    pub fn record(&self) -> &TenantRecord {
        &self.0
    }
}

impl Deref for Tenant {
    type Target = TenantRecord;

    fn deref(&self) -> &TenantRecord {
        &self.0
    }
}
