//! The PostgreSQL roles with which applications connect to their tenants' databases.
//!
//! A role has a row in the catalog, which is written before the role is created and deleted after the role was removed.
//! So a crash loses no role: the next call, the background work or `tenantctl repair` finishes the removal.
//!
//! The roles of a tenant are members of three groups on its cluster, which [`cluster`] creates with the first role. The
//! group of owners owns the schema `app` and its objects, so they outlive the roles.

mod cluster;
mod ending;
mod record;
mod repo;

pub(crate) use cluster::{create, drop_all, group_names, group_statement, remove};
pub use ending::{end, end_due, end_due_regularly, end_orphaned};
pub use record::{Access, DatabaseRole, DatabaseRoleView, Ending};
pub use repo::{count, find, list, list_of_user};
pub(crate) use repo::{insert, mark_ended, reserve};
