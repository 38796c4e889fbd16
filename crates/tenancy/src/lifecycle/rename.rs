//! Renaming a tenant: another slug, and the reservation of the former one.
//!
//! Tokens, API keys and database credentials contain the id of the tenant, so they stay valid. The former slug finds no
//! tenant any longer, and no other tenant can take it until an operator releases it or the tenant is destroyed.
//!
//! Under a crash: one statement of the catalog makes the change. A process that dies before Redis has the new version
//! has acknowledged nothing. Repeating the call publishes it.

use std::rc::Rc;

use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::Slug,
    tenant::{
        TenantRecord,
        repo::{
            self,
            slugs::{self, Renamed},
        },
    },
    version_cache::{Change, Changed},
};

/// Gives a tenant another slug, with effect on the next request. Succeeds without a change if the tenant has it already.
/// If `version` is given, renames only that version.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::Taken`] if another tenant has the slug or had it before,
/// [`Error::IllegalTransition`] while the tenant is being created or after its deletion, [`Error::PreconditionFailed`].
pub async fn rename(
    context: &Rc<Context>,
    tenant: Uuid,
    slug: &Slug,
    version: Option<i64>,
    actor: &Actor,
) -> Result<Changed<TenantRecord>> {
    let event =
        Event::new(name::TENANT_RENAMED).severity(Severity::Warning).about("tenant", tenant);
    let entry = Entry::new(context, Some(tenant), actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    match slugs::rename(&*catalog, tenant, slug, version, &entry).await? {
        Renamed::Done => {}
        Renamed::NotFound => return Err(Error::TenantNotFound),
        Renamed::Taken => return Err(Error::Taken { field: "slug", code: "slug_taken" }),
        Renamed::OtherVersion => return Err(Error::PreconditionFailed),
        Renamed::Refused(error) => return Err(error),
    }
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    publication.current(&record).await?;
    let effect = publication.finish().await;
    audit::flush_catalog_later(context, Some(tenant));
    Ok(Changed { value: record, effect })
}

/// Releases a former slug of a tenant, so that any tenant can take it.
///
/// # Errors
/// [`Error::FormerSlugNotFound`].
pub async fn release(
    context: &Rc<Context>,
    tenant: Uuid,
    slug: &Slug,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new(name::TENANT_SLUG_RELEASED)
        .severity(Severity::Warning)
        .about("tenant", tenant)
        .detail(serde_json::json!({ "slug": slug }));
    let entry = Entry::new(context, Some(tenant), actor, event);
    let catalog = context.catalog().await?;
    if !slugs::release(&*catalog, tenant, slug, &entry).await? {
        return Err(Error::FormerSlugNotFound);
    }
    audit::flush_catalog_later(context, Some(tenant));
    Ok(())
}
