//! The role with which a migration runs in a tenant's database.

use chrono::TimeDelta;

use crate::{
    context::Context,
    database_role::{self, Access, DatabaseRole, Ending},
    error::Result,
    secret::Secret,
    tenant::{TenantRecord, database, moves},
};

/// The maximum duration of a migration. A role ends with its migration.
const LIFETIME: TimeDelta = TimeDelta::hours(12);
/// A migration needs one connection. An export reads with a second one.
const CONNECTIONS: i32 = 2;

/// An owner of the schema `app` for one migration. [`TemporaryRole::end`] removes it. If `tenantctl` was killed, maintenance
/// or `tenantctl repair` does, from five minutes after its creation.
pub struct TemporaryRole {
    role: DatabaseRole,
    password: Secret,
}

impl TemporaryRole {
    /// Creates a role in the database of a tenant.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] if a store is unavailable.
    pub async fn create(context: &Context, tenant: &TenantRecord) -> Result<Self> {
        let now = context.platform.clock.now();
        let id = context.platform.random.uuid(now);
        let role = DatabaseRole {
            id,
            tenant: tenant.id,
            name: format!("app_{}", id.simple()),
            access: Access::Owner,
            connections: CONNECTIONS,
            user: None,
            api_key: None,
            created_at: now,
            expires_at: now + LIFETIME,
        };
        let catalog = context.catalog().await?;
        database_role::insert(&*catalog, &role).await?;
        let password = database::random_password(context);
        database_role::create(context, tenant, &role, &password).await?;
        let role = Self { role, password };
        if let Err(error) = moves::check_open(&*catalog, tenant).await {
            role.end(context, tenant).await?;
            return Err(error);
        }
        Ok(role)
    }

    /// Returns the URL that connects the role to its database.
    pub fn url(&self, tenant: &TenantRecord) -> Secret {
        let at = &tenant.database;
        at.url(&at.name, &self.role.name, self.password.clone())
    }

    /// Removes the role.
    ///
    /// # Errors
    /// [`crate::Error::Unavailable`] if a store is unavailable. The role is then removed later.
    pub async fn end(self, context: &Context, tenant: &TenantRecord) -> Result<()> {
        database_role::end(context, tenant, Ending::Credential(self.role.id)).await?;
        Ok(())
    }
}
