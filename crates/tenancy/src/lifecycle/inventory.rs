//! The objects that a destruction of a tenant removes.

use serde::Serialize;

use crate::{
    context::Context,
    error::Result,
    lifecycle::databases,
    storage,
    tenant::{TenantDb, TenantRecord},
    user,
};

/// The objects of a tenant that a destruction removes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// The name of the database.
    pub database: String,
    /// The host and port of the database.
    pub server: String,
    /// The role with which the service connects.
    pub role: String,
    /// The objects in the database, or `None` if the database is gone: an earlier destruction was interrupted.
    pub contents: Option<Contents>,
}

/// The objects in a tenant's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The number of users.
    pub users: i64,
    /// The number of files.
    pub files: i64,
    /// The total size of the files, in bytes.
    pub file_bytes: i64,
}

/// Returns what a destruction of the tenant removes. It changes nothing.
///
/// # Errors
/// [`crate::Error::Unavailable`] if the tenant's cluster is unavailable.
pub async fn take(context: &Context, tenant: &TenantRecord) -> Result<Inventory> {
    let has_database = databases::has_database(context, tenant).await?;
    let contents = if has_database && tenant.database_password.is_some() {
        let database = TenantDb::connect_to(context, tenant).await?;
        let (file_bytes, files) = storage::repo::usage(&database).await?;
        Some(Contents { users: user::repo::count(&database).await?, files, file_bytes })
    } else {
        None
    };
    Ok(Inventory {
        database: tenant.database.name.clone(),
        server: format!("{}:{}", tenant.database.host, tenant.database.port),
        role: tenant.database_role.clone(),
        contents,
    })
}
