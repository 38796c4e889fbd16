//! Finds tenants and users by the names that operators use.

use std::rc::Rc;

use anyhow::Result;
use tenancy::{
    Context, Error,
    identifier::{EmailAddress, Slug},
    input::Text as _,
    tenant::{Tenant, TenantDb, TenantRecord, repo},
    user::{self, User},
};
use uuid::Uuid;

/// The number of users of a page.
const PAGE: u32 = 100;

/// Returns the tenant with a slug or an id, in any state.
///
/// # Errors
/// [`Error::TenantNotFound`].
pub async fn tenant(context: &Context, name: &str) -> Result<TenantRecord> {
    let catalog = context.catalog().await?;
    if let Ok(id) = name.parse::<Uuid>()
        && let Some(tenant) = repo::find(&*catalog, id).await?
    {
        return Ok(tenant);
    }
    let Ok(slug) = Slug::parse(name) else { return Err(Error::TenantNotFound.into()) };
    Ok(repo::find_by_slug(&*catalog, &slug).await?.ok_or(Error::TenantNotFound)?)
}

/// Returns the tenant with a slug or an id, if its users and keys may be managed in its state.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::TenantDeleted`].
pub async fn managed_tenant(context: &Context, name: &str) -> Result<Tenant> {
    Ok(Tenant::of_operator(Rc::new(tenant(context, name).await?))?)
}

/// Returns the user with an e-mail address or an id.
///
/// # Errors
/// [`Error::UserNotFound`].
pub async fn user(context: &Context, tenant: &Tenant, name: &str) -> Result<User> {
    let database = TenantDb::connect(context, tenant).await?;
    if let Ok(id) = name.parse::<Uuid>() {
        return Ok(user::repo::find(&database, id).await?.ok_or(Error::UserNotFound)?);
    }
    let Ok(email) = EmailAddress::parse(name) else { return Err(Error::UserNotFound.into()) };
    let mut filter = user::repo::Filter {
        limit: PAGE,
        search: Some(email.as_str().to_owned()),
        ..user::repo::Filter::default()
    };
    loop {
        let (users, _) = user::repo::list(&database, &filter).await?;
        let is_last = users.len() < PAGE as usize;
        if let Some(user) = users.items.into_iter().find(|user| user.email == email.as_str()) {
            return Ok(user);
        }
        if is_last {
            return Err(Error::UserNotFound.into());
        }
        filter.offset += PAGE;
    }
}
