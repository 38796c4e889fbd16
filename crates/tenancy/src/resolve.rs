//! Which tenant a request without a verified token is for.

use std::rc::Rc;

use crate::{
    error::{Error, Result},
    tenancy::Tenancy,
    tenant::{Slug, Tenant, repo},
    token::OpaqueToken,
};

/// The tenant that a request addresses by its slug.
///
/// # Errors
/// [`Error::TenantNotFound`] and [`Error::TenantSuspended`].
pub async fn by_slug(tenancy: &Tenancy, slug: &Slug) -> Result<Tenant> {
    let catalog = tenancy.catalog().await?;
    let record = repo::find_by_slug(&*catalog, slug).await?.ok_or(Error::TenantNotFound)?;
    Tenant::admit(Rc::new(record))
}

/// The tenant that an opaque token names; `None` when there is none that takes requests, whatever the
/// reason: that the token counts is not known yet.
pub async fn by_token(tenancy: &Tenancy, token: &OpaqueToken) -> Result<Option<Tenant>> {
    let catalog = tenancy.catalog().await?;
    let record = repo::find(&*catalog, token.tenant()).await?;
    Ok(record.and_then(|record| Tenant::admit(Rc::new(record)).ok()))
}
