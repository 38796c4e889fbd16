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

/// The tenant that a sign-in addresses.
pub struct SignInTarget {
    /// The tenant; `None` when there is none in which anybody may sign in.
    pub tenant: Option<Tenant>,
    /// The error that a caller with a valid credential gets instead of a session.
    pub refusal: Option<Error>,
    /// The id of the tenant, or one that stands for the unknown tenant in login throttling.
    pub subject: Uuid,
}

/// Resolves the tenant that a sign-in addresses.
///
/// The caller has shown nothing yet. Whether there is such a tenant, and in which state it is, must not show in the
/// response or in its time before the caller has shown a valid credential.
///
/// # Errors
/// [`Error::TenantRequired`], [`Error::TenantMismatch`] when the address itself names several tenants.
pub async fn for_sign_in(tenancy: &Tenancy, addressing: &Addressing) -> Result<SignInTarget> {
    check_agreement(addressing)?;
    let catalog = tenancy.catalog().await?;
    let (record, name, mut refusal) = match (addressing.slugs.first(), &addressing.domain) {
        (Some(slug), domain) => {
            let text = slug.as_ref().map_or("", Slug::as_str);
            let record = match slug {
                Some(slug) => repo::find_by_slug(&*catalog, slug).await?,
                // No tenant can have it. The look-up takes the time of any other.
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
                tenancy.master_key.guessing_subject(&[b"unknown tenant", name.as_bytes()])?;
            let (first, _) = subject.split_at(16);
            Uuid::from_slice(first).map_err(Error::internal)?
        }
    };
    Ok(SignInTarget { tenant, refusal, subject })
}

/// Takes the time of a statement in a tenant's database, when there is no tenant.
pub(crate) async fn stand_in(tenancy: &Tenancy) -> Result<()> {
    let catalog = tenancy.catalog().await?;
    repo::find(&*catalog, Uuid::nil()).await?;
    Ok(())
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

/// Checks that an address does not name several tenants.
fn check_agreement(addressing: &Addressing) -> Result<()> {
    let mut slugs = addressing.slugs.iter();
    let first = slugs.next();
    if slugs.any(|slug| Some(slug) != first) { Err(Error::TenantMismatch) } else { Ok(()) }
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
