//! Tenants: what the catalog knows of them, how they come to be, and the proof that one was
//! resolved.
//!
//! A crash leaves a tenant in the state `provisioning`, which the same call or `tenantctl repair`
//! finishes; see [`provision`].

pub mod cluster;
pub mod credentials;
pub(crate) mod database;
pub mod destroy;
mod domain;
pub mod isolation;
pub mod manage;
pub mod provision;
mod record;
pub mod repo;
pub mod role_limits;
mod slug;
pub mod stats;

use std::{ops::Deref, rc::Rc};

pub use database::{DatabaseLocation, DatabaseTemplate, TenantDb, TrustedLocation};
pub(crate) use domain::to_ascii;
pub use domain::{Domain, Domains};
pub use record::{
    LimitChange, Limits, OperatorTenantView, Status, TenantName, TenantRecord, TenantSettings,
    TenantView,
};
pub use role_limits::RoleLimits;
pub use slug::Slug;

use crate::error::{Error, Result};

/// A resolved tenant: one that a request may act in.
///
/// Everything that belongs to a tenant (its database, cache, files, counters) can only be had with
/// one of these, and these come from resolution alone.
#[derive(Debug, Clone)]
pub struct Tenant(Rc<TenantRecord>);

impl Tenant {
    /// Admits a tenant to requests by its state.
    ///
    /// # Errors
    /// Tells one that is suspended, deleted, or not there yet.
    pub(crate) fn admit(record: Rc<TenantRecord>) -> Result<Self> {
        match record.status {
            Status::Active => Ok(Self(record)),
            Status::Suspended => Err(Error::TenantSuspended),
            Status::Provisioning => Err(Error::TenantNotFound),
            Status::Deleting | Status::Deleted => Err(Error::TenantDeleted),
        }
    }

    /// Admits a tenant to a sign-in, with the error that a caller with a valid credential gets. `None` for a tenant
    /// in a state without sign-ins.
    pub(crate) fn admit_to_sign_in(record: Rc<TenantRecord>) -> Option<(Self, Option<Error>)> {
        match record.status {
            Status::Active => Some((Self(record), None)),
            Status::Suspended => Some((Self(record), Some(Error::TenantSuspended))),
            Status::Provisioning | Status::Deleting | Status::Deleted => None,
        }
    }

    /// A tenant that the platform's operator works on, in a state in which its keys may be managed.
    ///
    /// # Errors
    /// [`Error::TenantNotFound`] for one that is not there yet, [`Error::TenantDeleted`].
    pub(crate) fn of_operator(record: Rc<TenantRecord>) -> Result<Self> {
        match record.status {
            Status::Active | Status::Suspended => Ok(Self(record)),
            Status::Provisioning => Err(Error::TenantNotFound),
            Status::Deleting | Status::Deleted => Err(Error::TenantDeleted),
        }
    }

    /// What the catalog says of it.
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
