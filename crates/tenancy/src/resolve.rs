//! Resolves the tenant of a request.
//!
//! A credential is the authority: it names its tenant. The address of the request (host, path, header) may only agree
//! with it. A sign-in has no credential, so the address decides.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use uuid::Uuid;

use crate::{
    context::Context,
    error::{Error, Result},
    identifier::{Domain, Slug},
    tenant::{Tenant, repo},
};

/// The ways in which a request addresses its tenant. An address grants no authority: the credential determines the
/// tenant, and the address must match it.
#[derive(Debug, Default)]
pub struct Addressing {
    /// The slugs from the header, the path and the subdomain. `None` represents a text that cannot be a slug.
    pub slugs: Vec<Option<Slug>>,
    /// The host, if it can be a tenant's custom domain.
    pub domain: Option<Domain>,
}

/// The tenant that a sign-in addresses.
pub struct SignInTarget {
    /// The tenant; `None` if there is no tenant that accepts sign-ins.
    pub tenant: Option<Tenant>,
    /// The error that a caller with a valid credential receives instead of a session.
    pub refusal: Option<Error>,
    /// The id of the tenant, or an id that represents the unknown tenant in login throttling.
    pub subject: Uuid,
}

/// Resolves the tenant that a sign-in addresses.
///
/// The caller is not authenticated yet. Until the caller has presented a valid credential, neither the response nor its
/// duration may reveal whether the tenant exists or which state it has.
///
/// # Errors
/// [`Error::TenantRequired`]; [`Error::TenantMismatch`] if the address itself names several tenants.
pub async fn for_sign_in(context: &Context, addressing: &Addressing) -> Result<SignInTarget> {
    check_agreement(addressing)?;
    let catalog = context.catalog().await?;
    let (record, name, mut refusal) = match (addressing.slugs.first(), &addressing.domain) {
        (Some(slug), domain) => {
            let text = slug.as_ref().map_or("", Slug::as_str);
            let record = match slug {
                Some(slug) => repo::find_by_slug(&*catalog, slug).await?,
                // No tenant can have this slug. The look-up takes as long as any other.
                None => repo::find(&*catalog, Uuid::nil()).await?,
            };
            let mut refusal = None;
            if let Some(domain) = domain {
                let owner = repo::find_domain_owner(&*catalog, domain).await?;
                if owner.is_some() && owner != record.as_ref().map(|record| record.id) {
                    refusal = Some(Error::TenantMismatch);
                }
            }
            (record, text, refusal)
        }
        (None, Some(domain)) => {
            (repo::find_by_domain(&*catalog, domain).await?, domain.as_str(), None)
        }
        (None, None) => return Err(Error::TenantRequired),
    };
    let admitted = record.and_then(|record| Tenant::admit_to_sign_in(Rc::new(record)));
    let tenant = admitted.map(|(tenant, of_its_state)| {
        refusal = refusal.take().or(of_its_state);
        tenant
    });
    let subject = match &tenant {
        Some(tenant) => tenant.id,
        None => {
            let subject =
                context.master_key.throttling_subject(&[b"unknown tenant", name.as_bytes()])?;
            let (first, _) = subject.split_at(16);
            Uuid::from_slice(first).map_err(Error::internal)?
        }
    };
    Ok(SignInTarget { tenant, refusal, subject })
}

/// Takes the time of a statement in a tenant's database if there is no tenant.
pub(crate) async fn stand_in(context: &Context) -> Result<()> {
    let catalog = context.catalog().await?;
    repo::find(&*catalog, Uuid::nil()).await?;
    Ok(())
}

/// Returns the tenant of an id in an unverified token; `None` if there is none that takes requests, for any reason. The
/// caller has presented nothing else, so the reason must not be revealed.
pub async fn by_id(context: &Context, id: Uuid) -> Result<Option<Tenant>> {
    let catalog = context.catalog().await?;
    let record = repo::find(&*catalog, id).await?;
    Ok(record.and_then(|record| Tenant::admit(Rc::new(record)).ok()))
}

/// Returns the active tenant with a custom domain; `None` if there is none.
pub async fn by_domain(context: &Context, domain: &Domain) -> Result<Option<Tenant>> {
    let catalog = context.catalog().await?;
    let record = repo::find_by_domain(&*catalog, domain).await?;
    Ok(record.and_then(|record| Tenant::admit(Rc::new(record)).ok()))
}

/// Returns the tenant of an id in a token that this service issued.
///
/// # Errors
/// [`Error::InvalidRefreshToken`] if it no longer exists, [`Error::TenantSuspended`], [`Error::TenantDeleted`].
pub async fn by_id_of_ours(context: &Context, id: Uuid) -> Result<Tenant> {
    let catalog = context.catalog().await?;
    let record = repo::find(&*catalog, id).await?.ok_or(Error::InvalidRefreshToken)?;
    Tenant::admit(Rc::new(record))
}

/// Checks that the address of a request agrees with the tenant of its credential.
///
/// # Errors
/// [`Error::TenantMismatch`] if the address names another tenant or an impossible one.
pub async fn agree(context: &Context, addressing: &Addressing, tenant: &Tenant) -> Result<()> {
    if addressing.slugs.iter().any(|slug| slug.as_ref() != Some(&tenant.slug)) {
        return Err(Error::TenantMismatch);
    }
    match &addressing.domain {
        Some(domain) if !tenant.domains.iter().any(|own| own == domain.as_str()) => {
            match context.state::<ForeignHosts>().owner(context, domain).await? {
                Some(owner) if owner != tenant.id => Err(Error::TenantMismatch),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Checks that an address does not name several tenants.
fn check_agreement(addressing: &Addressing) -> Result<()> {
    let mut slugs = addressing.slugs.iter();
    let first = slugs.next();
    if slugs.any(|slug| Some(slug) != first) { Err(Error::TenantMismatch) } else { Ok(()) }
}

/// The time for which an instance caches the owner of a host, in microseconds.
const BELIEVED_MICROS: u64 = 10_000_000;
/// The maximum number of cached hosts.
const MOST: usize = 64;

/// The owners of hosts that are not custom domains of the caller's tenant: another tenant, or none for the service's
/// own names. The owner only decides whether a request with a valid credential is refused, so it may be slightly
/// outdated.
#[derive(Default)]
pub(crate) struct ForeignHosts(RefCell<HashMap<String, (Option<Uuid>, u64)>>);

impl ForeignHosts {
    async fn owner(&self, context: &Context, host: &Domain) -> Result<Option<Uuid>> {
        let now = context.platform.clock.monotonic_micros();
        let remembered = self.0.borrow().get(host.as_str()).copied();
        if let Some((owner, until)) = remembered
            && now < until
        {
            return Ok(owner);
        }
        let found = async {
            let catalog = context.catalog().await?;
            repo::find_domain_owner(&*catalog, host).await
        };
        let owner = match found.await {
            Ok(owner) => owner,
            // The credential is valid without the address.
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
