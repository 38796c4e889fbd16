//! Migrations of the application's own tables: the schema `app` of each tenant's database, and of the template database.
//!
//! `tenantctl app migrate` runs them. A file runs with a role of the tenant's application, never with the account of the
//! service: code in the schema `app` belongs to the tenant, and could use the rights of the account.

mod description;
mod file;
mod repo;
mod role;
mod template;

pub use description::{describe, difference};
pub use file::{MigrationFile, checksum_of_all};
pub use repo::{
    State, Template, list_changed_files, list_states, read_template, record_failure, record_files,
    record_state,
};
pub use role::TemporaryRole;
pub use template::{TEMPLATE_LOCK, TemplateCopy, begin_template, list_leftovers, repair_template};

/// The table in the schema `app` that has the migrations of a database. It is written in the transaction of each file.
pub const TABLE: &str = "app.tenancy_migrations";
