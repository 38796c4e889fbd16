//! Changing a tenant, and the states that it may go through.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    Domain, Domains, LimitChange, Status, TenantName, TenantRecord, TenantSettings,
    repo::{self, Changed},
};
use crate::{
    admission::{Change, Changed as Published},
    audit::{self, Actor, Entry, Event, Severity},
    crypto::DataKeys,
    email::EmailAddress,
    error::{Error, Result},
    tenancy::Tenancy,
};

/// What is to change of a tenant.
#[derive(Default)]
pub struct TenantChange {
    /// Its display name.
    pub name: Option<TenantName>,
    /// Whom to write to about it.
    pub admin_email: Option<EmailAddress>,
    /// Its custom domains, the primary one first.
    pub domains: Option<Vec<Domain>>,
    /// Its state.
    pub status: Option<Status>,
    /// Settings that its users see.
    pub settings: Option<TenantSettings>,
    /// Settings that the operator sees only.
    pub private_settings: Option<TenantSettings>,
    /// Its plan.
    pub plan: Option<String>,
    /// Its own limits.
    pub limits: Option<LimitChange>,
}

impl Status {
    /// The states that a tenant cannot be in when it is given this one.
    fn illegal_before(self) -> &'static [Self] {
        use Status::{Active, Deleted, Deleting, Provisioning, Suspended};
        match self {
            Active | Suspended => &[Provisioning, Deleting, Deleted],
            Deleted => &[Provisioning, Deleting],
            // What is being destroyed can be destroyed again: that goes on where it broke off.
            Deleting => &[Provisioning],
            Provisioning => &[Provisioning, Active, Suspended, Deleting, Deleted],
        }
    }
}

/// Changes a tenant, if it is of the version that it must have. The change takes effect on the next request.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`], [`Error::PreconditionFailed`], [`Error::Taken`] for a domain,
/// [`Error::InvalidFields`] for an unknown plan.
pub async fn update(
    tenancy: &Rc<Tenancy>,
    tenant: Uuid,
    change: &TenantChange,
    version: Option<i64>,
    actor: &Actor,
) -> Result<Published<TenantRecord>> {
    for domain in change.domains.iter().flatten() {
        check_domain(tenancy, domain, "domains")?;
    }
    let event = Event::new(event_name(change.status))
        .about("tenant", tenant)
        .severity(if change.status.is_some() { Severity::Warning } else { Severity::Info })
        .detail(json!({ "fields": changed_fields(change) }));
    let entry = Entry::new(tenancy, Some(tenant), actor, event);
    // Without a new state, any tenant but a deleted one may be changed.
    let illegal = change
        .status
        .map_or(&[Status::Deleting, Status::Deleted][..], |status| status.illegal_before());
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    match repo::change(&*catalog, tenant, change, illegal, version, &entry).await? {
        Changed::Done => {}
        Changed::NotFound => return Err(Error::TenantNotFound),
        Changed::OtherVersion => return Err(Error::PreconditionFailed),
        Changed::Illegal(from) => {
            let to = change.status.map(Status::as_str);
            return Err(Error::IllegalTransition { from: from.as_str(), to });
        }
    }
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    publication.tenant(&record).await?;
    audit::flush_catalog_later(tenancy, Some(tenant));
    Ok(Published { value: record, effect: publication.finish().await })
}

/// Gives a tenant a new data key. What was sealed with those before still opens; what is sealed from
/// now on is sealed with the new one. Returns its number.
///
/// # Errors
/// [`Error::TenantNotFound`], and [`Error::IllegalTransition`] for one whose data is not in use.
pub async fn rotate_data_key(
    tenancy: &Rc<Tenancy>,
    tenant: Uuid,
    actor: &Actor,
) -> Result<Published<u32>> {
    let publication = Change::begin(tenancy);
    let catalog = tenancy.catalog().await?;
    loop {
        let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
        let (Status::Active | Status::Suspended, Some(sealed)) = (record.status, &record.data_key)
        else {
            let from = record.status.as_str();
            return Err(Error::IllegalTransition { from, to: None });
        };
        let keys = DataKeys::open(&tenancy.master_key, tenant, sealed)?;
        let new = keys.with_new(&tenancy.master_key, tenant, &*tenancy.platform.random)?;
        let number = keys.newest() + 1;
        let event = Event::new("tenant.data_key_rotated")
            .severity(Severity::Warning)
            .about("tenant", tenant)
            .detail(json!({ "key_number": number }));
        let entry = Entry::new(tenancy, Some(tenant), actor, event);
        // Of two rotations at once the second adds to what the first has made.
        if repo::replace_data_keys(&*catalog, &record, &new, &entry).await? {
            let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
            publication.tenant(&record).await?;
            audit::flush_catalog_later(tenancy, Some(tenant));
            return Ok(Published { value: number, effect: publication.finish().await });
        }
    }
}

/// The custom domains of a request, which has one or a list of them.
///
/// # Errors
/// Names `domain` when it has both.
pub fn custom_domains(domain: Option<Domain>, domains: Option<Domains>) -> Result<Vec<Domain>> {
    match (domain, domains) {
        (Some(_), Some(_)) => Err(Error::invalid_field("domain", "must not stand beside domains")),
        (Some(domain), None) => Ok(vec![domain]),
        (None, Some(domains)) => Ok(domains.0),
        (None, None) => Ok(Vec::new()),
    }
}

/// Whether a domain may be a tenant's own.
///
/// # Errors
/// Names `field` when it is the platform's: its subdomains belong to the tenants of their names.
pub fn check_domain(tenancy: &Tenancy, domain: &Domain, field: &str) -> Result<()> {
    match &tenancy.settings.base_domain {
        Some(base) if domain.is_within(base) => {
            Err(Error::invalid_field(field, "must not be the platform's own domain or below it"))
        }
        _ => Ok(()),
    }
}

fn event_name(status: Option<Status>) -> &'static str {
    match status {
        Some(Status::Suspended) => "tenant.suspended",
        Some(Status::Active) => "tenant.activated",
        Some(Status::Deleted) => "tenant.deleted",
        Some(Status::Deleting) => "tenant.destruction_began",
        Some(Status::Provisioning) | None => "tenant.updated",
    }
}

fn changed_fields(change: &TenantChange) -> Value {
    let mut fields = Map::new();
    for (name, is_given) in [
        ("name", change.name.is_some()),
        ("admin_email", change.admin_email.is_some()),
        ("domains", change.domains.is_some()),
        ("status", change.status.is_some()),
        ("settings", change.settings.is_some()),
        ("private_settings", change.private_settings.is_some()),
        ("plan", change.plan.is_some()),
        ("limits", change.limits.is_some()),
    ] {
        if is_given {
            fields.insert(name.to_owned(), Value::Bool(true));
        }
    }
    fields.into_iter().map(|(name, _)| Value::String(name)).collect()
}
