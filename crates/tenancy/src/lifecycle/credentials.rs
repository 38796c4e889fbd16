//! Changes of the location of a tenant's database and of its role's password.
//!
//! A rotation is crash-safe: it records the next password in the catalog before it alters the role. Repeating the call
//! or running `tenantctl repair` finishes it. Between the change of the role and its record, new connections are
//! refused and requests get 503.

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    database_location::DatabaseLocation,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    lifecycle::databases,
    tenant::{
        Operation, Status, TenantDb, TenantRecord, cluster, database,
        repo::{self, sealed},
    },
    version_cache::{Change, Effect},
};

/// Records that a tenant's database is now on the cluster at `host` and `port`, after connecting to it. The change
/// takes effect on the next request.
///
/// # Errors
/// [`Error::TenantNotFound`], and [`Error::Unavailable`] if the database cannot be reached there or its password is
/// being rotated.
pub async fn relocate(
    context: &Rc<Context>,
    tenant: Uuid,
    host: &str,
    port: u16,
    actor: &Actor,
) -> Result<Effect> {
    let catalog = context.catalog().await?;
    let old = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    let password = database::open_password(context, &old)?;
    let location = DatabaseLocation { host: host.to_owned(), port, ..old.database.clone() };
    let (role, password) = (&old.database_role, password.expose().as_bytes());
    let password = database::seal_password(context, tenant, &location, role, password)?;
    let new = TenantRecord {
        database: location.clone(),
        database_password: Some(password.clone()),
        ..old.clone()
    };
    // An interrupted destruction may have dropped the database.
    if old.status != Status::Deleting {
        let database = TenantDb::connect_to(context, &new).await?;
        database.connection().query_first("SELECT 1 FROM schema_migrations LIMIT 1", &[]).await?;
    }
    let event = Event::new(name::TENANT_DATABASE_RELOCATED)
        .severity(Severity::Warning)
        .about("tenant", tenant)
        .detail(serde_json::json!({ "host": host, "port": port }));
    let entry = Entry::new(context, Some(tenant), actor, event);
    let publication = Change::begin(context);
    if !sealed::replace_location(&*catalog, &old, &location, &password, &entry).await? {
        return Err(Error::unavailable("the tenant's credentials are being updated"));
    }
    publish(context, publication, tenant).await
}

/// Sets a new password for the role of a tenant's database, or finishes an interrupted rotation. Open connections in
/// pools stay open.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`] while the tenant is being created or destroyed, and
/// [`Error::Unavailable`] if the cluster is unavailable.
pub async fn rotate_password(context: &Rc<Context>, tenant: Uuid, actor: &Actor) -> Result<Effect> {
    let catalog = context.catalog().await?;
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    record.status.check(Operation::RotateDatabasePassword)?;
    let location = record.trusted_location(context)?;
    if sealed::find_next_password(&*catalog, tenant).await?.is_none() {
        let role = &record.database_role;
        let next = database::seal_new_password(context, tenant, &location, role)?;
        sealed::begin_rotation(&*catalog, &record, &next).await?;
    }
    // Two concurrent calls both use the password of the first call.
    let next = sealed::find_next_password(&*catalog, tenant).await?;
    let next = next.ok_or_else(|| Error::unavailable("the tenant's credentials have changed"))?;
    let password = database::open_sealed_password(context, &record, &next)?;
    let publication = Change::begin(context);
    let connection = cluster::connect(context, &location, None).await?;
    databases::put_role(context, &*connection, &record, &password).await?;
    let event = Event::new(name::TENANT_DATABASE_PASSWORD_ROTATED)
        .severity(Severity::Warning)
        .about("tenant", tenant);
    let entry = Entry::new(context, Some(tenant), actor, event);
    sealed::finish_rotation(&*catalog, tenant, &next, &entry).await?;
    publish(context, publication, tenant).await
}

async fn publish(context: &Rc<Context>, publication: Change<'_>, tenant: Uuid) -> Result<Effect> {
    let catalog = context.catalog().await?;
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    publication.current(&record).await?;
    let effect = publication.finish().await;
    audit::flush_catalog_later(context, Some(tenant));
    Ok(effect)
}
