//! Which tenant a request is for.
//!
//! A credential is the authority: it says itself of which tenant it is. The address of the request
//! (host, path, header) may only agree. Without a credential, at a sign-in, the address decides.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use uuid::Uuid;

use crate::{
    error::{Error, Result},
    http::Addressing,
    tenancy::Tenancy,
    tenant::{Domain, Slug, Tenant, repo},
};

/// The tenant that a request addresses, for a caller who has shown nothing yet.
///
/// # Errors
/// [`Error::TenantRequired`], [`Error::TenantMismatch`] where the address names several,
/// [`Error::TenantNotFound`] for one that is not there or not any more, [`Error::TenantSuspended`].
pub async fn by_address(tenancy: &Tenancy, addressing: &Addressing) -> Result<Tenant> {
    let name = match (one_slug(addressing)?, &addressing.domain) {
        (Some(slug), domain) => format!("{slug}@{}", domain.as_ref().map_or("", Domain::as_str)),
        (None, Some(domain)) => format!("@{domain}"),
        (None, None) => return Err(Error::TenantRequired),
    };
    let now = tenancy.platform.clock.monotonic_micros();
    if tenancy.absent_names.is_absent(&name, now) {
        return Err(Error::TenantNotFound);
    }
    let catalog = tenancy.catalog().await?;
    let record = match (one_slug(addressing)?, &addressing.domain) {
        (Some(slug), domain) => {
            let record = repo::find_by_slug(&*catalog, slug).await?;
            if let Some(domain) = domain {
                let owner = repo::find_domain_owner(&*catalog, domain).await?;
                if owner.is_some() && owner != record.as_ref().map(|record| record.id) {
                    return Err(Error::TenantMismatch);
                }
            }
            record
        }
        (None, Some(domain)) => repo::find_by_domain(&*catalog, domain).await?,
        (None, None) => return Err(Error::TenantRequired),
    };
    let Some(record) = record else {
        tenancy.absent_names.put(name, now);
        return Err(Error::TenantNotFound);
    };
    admit_anybody(Rc::new(record))
}

/// The tenant of an id that a token says, for a caller who has shown nothing else; `None` when there
/// is none that takes requests, whatever the reason: that the token counts is not known yet.
pub async fn by_id(tenancy: &Tenancy, id: Uuid) -> Result<Option<Tenant>> {
    let catalog = tenancy.catalog().await?;
    let record = repo::find(&*catalog, id).await?;
    Ok(record.and_then(|record| Tenant::admit(Rc::new(record)).ok()))
}

/// The tenant of an id that a token says which this service has issued.
///
/// # Errors
/// [`Error::InvalidRefreshToken`] when it is no more, [`Error::TenantSuspended`],
/// [`Error::TenantDeleted`].
pub async fn by_id_of_ours(tenancy: &Tenancy, id: Uuid) -> Result<Tenant> {
    let catalog = tenancy.catalog().await?;
    let record = repo::find(&*catalog, id).await?.ok_or(Error::InvalidRefreshToken)?;
    Tenant::admit(Rc::new(record))
}

/// Whether the address of a request agrees with the tenant of its credential.
///
/// # Errors
/// [`Error::TenantMismatch`] where it names another one, or one that cannot be.
pub async fn agree(tenancy: &Tenancy, addressing: &Addressing, tenant: &Tenant) -> Result<()> {
    if addressing.slugs.iter().any(|slug| slug.as_ref() != Some(&tenant.slug)) {
        return Err(Error::TenantMismatch);
    }
    match &addressing.domain {
        Some(domain) if !tenant.domains.iter().any(|own| own == domain.as_str()) => {
            match tenancy.foreign_hosts.owner(tenancy, domain).await? {
                Some(owner) if owner != tenant.id => Err(Error::TenantMismatch),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The one slug that an address has.
fn one_slug(addressing: &Addressing) -> Result<Option<&Slug>> {
    let Some(first) = addressing.slugs.first() else { return Ok(None) };
    if addressing.slugs.iter().any(|slug| slug != first) {
        return Err(Error::TenantMismatch);
    }
    first.as_ref().map(Some).ok_or(Error::TenantNotFound)
}

/// Nobody but who has a credential of a deleted tenant is told that there was one.
fn admit_anybody(record: Rc<crate::tenant::TenantRecord>) -> Result<Tenant> {
    Tenant::admit(record).map_err(|error| match error {
        Error::TenantDeleted => Error::TenantNotFound,
        error => error,
    })
}

/// How long an instance believes whose domain a host is, in microseconds.
const BELIEVED_MICROS: u64 = 10_000_000;
/// The most hosts that it remembers.
const MOST: usize = 64;

/// Whose custom domain a host is that is not the tenant's own: another tenant's, or only the name of
/// this service. It decides nothing but that a request whose credential counts is refused, so it may
/// be a little old.
#[derive(Default)]
pub(crate) struct ForeignHosts(RefCell<HashMap<String, (Option<Uuid>, u64)>>);

impl ForeignHosts {
    async fn owner(&self, tenancy: &Tenancy, host: &Domain) -> Result<Option<Uuid>> {
        let now = tenancy.platform.clock.monotonic_micros();
        let remembered = self.0.borrow().get(host.as_str()).copied();
        if let Some((owner, until)) = remembered
            && now < until
        {
            return Ok(owner);
        }
        let found = async {
            let catalog = tenancy.catalog().await?;
            repo::find_domain_owner(&*catalog, host).await
        };
        let owner = match found.await {
            Ok(owner) => owner,
            // The credential counts without the address.
            Err(Error::Unavailable { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut hosts = self.0.borrow_mut();
        if hosts.len() >= MOST {
            hosts.clear();
        }
        hosts.insert(host.as_str().to_owned(), (owner, now + BELIEVED_MICROS));
        Ok(owner)
    }
}
