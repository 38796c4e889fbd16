//! Database credentials: the connection of an application to the database of its tenant.
//!
//! Each credential is a PostgreSQL role ([`crate::database_role`]) that expires and has privileges on the schema `app`
//! only. It ends with the credential that requested it. A change that ends an API key, a user or a tenant is written
//! first, and then ends the roles before it is acknowledged. A request that creates a role at the same time checks its
//! own credentials again after the role exists.

mod authority;
mod request;

use std::rc::Rc;

pub use authority::Authority;
pub use request::{Lifetime, MaxConnections, NewCredential, NewDatabaseCredentialView};
use serde_json::json;
use uuid::Uuid;

use crate::{
    api_key, audit,
    context::Context,
    database_location::PublicHost,
    database_role::{self, Access, DatabaseRole, Ending},
    error::{DatabaseError, Error, Result, Unauthenticated},
    event::{Actor, Entry, Event, Severity, name},
    quota,
    resource::Resource,
    secret::Secret,
    tenant::{Tenant, TenantDb, TenantRecord, cluster, database, moves, repo as tenants},
    user::{self, User},
};

/// A credential with its password, which is returned only once.
pub struct Created {
    /// The role.
    pub role: DatabaseRole,
    /// The password of the role.
    pub password: Secret,
    /// The address for applications, if it differs from that of the cluster.
    pub public_host: Option<PublicHost>,
}

/// Creates a credential for the database of a tenant.
///
/// # Errors
/// [`Error::ScopeNotHeld`]; [`DatabaseError::LimitReached`] and [`Error::QuotaExceeded`] if the plan does not allow it;
/// [`Error::Unavailable`] if the catalog or the cluster of the database is unavailable.
pub async fn create(
    context: &Rc<Context>,
    tenant: &Tenant,
    new: &NewCredential,
    authority: &Authority,
    actor: &Actor,
) -> Result<Created> {
    authority.check(new.access)?;
    check_size(context, tenant, new.access).await?;
    // Credentials that have expired release their places.
    database_role::end(context, tenant, Ending::Expired).await?;
    let now = context.platform.clock.now();
    let id = context.platform.random.uuid(now);
    let role = DatabaseRole {
        id,
        tenant: tenant.id,
        name: format!("app_{}", id.simple()),
        access: new.access,
        connections: new.connections.get(),
        user: authority.user(),
        api_key: authority.api_key(),
        created_at: now,
        expires_at: authority.expiry(now + new.expires_in.duration()),
    };
    let event = Event::new(name::DATABASE_CREDENTIAL_CREATED)
        .severity(Severity::Warning)
        .about("database_credential", id)
        .detail(json!({ "access": role.access, "expires_at": role.expires_at }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let catalog = context.catalog().await?;
    database_role::reserve(&*catalog, &role, &tenant.limits, &entry).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    let password = database::random_password(context);
    let created = async {
        database_role::create(context, tenant, &role, &password).await?;
        moves::check_open(&*catalog, tenant).await?;
        check_requester(context, &role).await
    };
    if let Err(error) = created.await {
        // If this fails, too, the row remains, and its role is removed later.
        database_role::end(context, tenant, Ending::Credential(id)).await?;
        return Err(error);
    }
    let public_host = cluster::public_host(context, &tenant.database).await?;
    Ok(Created { role, password, public_host })
}

/// Checks that the database may become larger, for a credential that can write.
async fn check_size(context: &Context, tenant: &Tenant, access: Access) -> Result<()> {
    if access == Access::Read {
        return Ok(());
    }
    let limit = tenant.limits.database;
    let usage = size(&TenantDb::connect(context, tenant).await?).await?;
    if usage < limit {
        return Ok(());
    }
    context.counters.quota_refused(Resource::Database);
    Err(Error::QuotaExceeded { resource: Resource::Database, limit, usage, retry_after: None })
}

/// Returns the size of a tenant's database in bytes.
pub(crate) async fn size(database: &TenantDb) -> Result<i64> {
    let statement = "SELECT pg_database_size(current_database()) AS bytes";
    let row = database.connection().query_first(statement, &[]).await?;
    Ok(row.map_or(Ok(0), |row| row.get("bytes"))?)
}

/// Records the size of a tenant's database for the history of its usage.
///
/// # Errors
/// [`Error::Unavailable`].
pub async fn record_size(context: &Context, tenant: &TenantRecord) -> Result<()> {
    let amount = size(&TenantDb::connect_to(context, tenant).await?).await?;
    let day = context.platform.clock.now().date_naive();
    let catalog = context.catalog().await?;
    quota::repo::keep_peak(&*catalog, tenant.id, Resource::Database, day, amount).await
}

/// Checks that the credentials of the request are still valid, now that a change that ends them finds the role.
async fn check_requester(context: &Context, role: &DatabaseRole) -> Result<()> {
    let catalog = context.catalog().await?;
    let tenant = tenants::find(&*catalog, role.tenant).await?.ok_or(Error::TenantNotFound)?;
    Tenant::admit(Rc::new(tenant.clone()))?;
    if let Some(id) = role.api_key {
        let key = api_key::repo::find(&*catalog, role.tenant, id).await?;
        let now = context.platform.clock.now();
        if key.is_none_or(|key| key.expires_at.is_some_and(|end| end <= now)) {
            return Err(Error::Unauthenticated(Unauthenticated::InvalidApiKey));
        }
    }
    let Some((id, version)) = role.user else { return Ok(()) };
    let user = active_user(context, &tenant, id).await?;
    let user = user.filter(|user| user.version == version);
    let user = user.ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    // The roles of the tenant may have changed, which does not change the user.
    let grants = tenant.definitions.of_user(user.role, &user.custom_roles, &user.groups);
    Authority::default().and_user(id, version, &grants.scopes).check(role.access)
}

/// Returns a user who may sign in.
async fn active_user(context: &Context, tenant: &TenantRecord, id: Uuid) -> Result<Option<User>> {
    let database = TenantDb::connect_to(context, tenant).await?;
    let user = user::repo::find(&database, id).await?;
    Ok(user.filter(|user| user.is_active))
}

/// Ends the roles of all tenants whose API key, user or tenant has ended, and those that have expired. An interrupted
/// change leaves such roles. Returns the number of removed roles.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable. The other tenants are still processed.
pub async fn end_orphaned(context: &Context) -> Result<u64> {
    database_role::end_orphaned(context, async |tenant, user| {
        let user = active_user(context, tenant, user).await?;
        // A change of a role may have been interrupted after it had removed the scopes.
        let user = user.filter(|user| {
            let grants = tenant.definitions.of_user(user.role, &user.custom_roles, &user.groups);
            Access::ALL.iter().any(|access| grants.scopes.contains(&access.scope()))
        });
        Ok(user.map(|user| user.version))
    })
    .await
}

/// Revokes a credential. Its connections are closed before this returns.
///
/// # Errors
/// [`DatabaseError::NotFound`], [`Error::ScopeNotHeld`], [`Error::Unavailable`].
pub async fn revoke(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &Authority,
    actor: &Actor,
) -> Result<()> {
    let catalog = context.catalog().await?;
    let role = database_role::find(&*catalog, tenant.id, id).await?;
    let Some(role) = role else {
        // An earlier call may have been interrupted after it had marked the role.
        database_role::end(context, tenant, Ending::Credential(id)).await?;
        return Err(DatabaseError::NotFound.into());
    };
    authority.check(role.access)?;
    let event = Event::new(name::DATABASE_CREDENTIAL_REVOKED).about("database_credential", id);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    database_role::mark_ended(&*catalog, tenant.id, Ending::Credential(id), Some(&entry)).await?;
    audit::flush_catalog_later(context, Some(tenant.id));
    database_role::end(context, tenant, Ending::Credential(id)).await?;
    Ok(())
}
