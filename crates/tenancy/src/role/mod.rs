//! The permissions, roles and groups that a tenant defines.
//!
//! The definitions are one document in the tenant's row ([`crate::access::Definitions`]). A change writes the document
//! and the audit event in one statement, and then publishes the new version of the tenant, so it takes effect on the
//! next request of every user. The members of a group are part of the users ([`crate::user`]).

mod authority;
mod manage;
mod request;

pub use authority::Authority;
pub use manage::{
    create_group, create_permission, create_role, delete_group, delete_permission, delete_role,
    update_group, update_role,
};
pub use request::{
    Description, GroupChange, NewGroup, NewPermission, NewRole, RoleChange, RoleName,
};
