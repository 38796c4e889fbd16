//! Changing a tenant, and the states that it may go through.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Domain, Domains, LimitChange, Status, TenantName, TenantRecord, TenantSettings, repo};
use crate::{
    admission,
    audit::{self, Actor, Entry, Event, Severity},
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
    /// What the operator keeps with it.
    pub settings: Option<TenantSettings>,
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
            Provisioning | Deleting => &[Provisioning, Active, Suspended, Deleting, Deleted],
        }
    }
}

/// Changes a tenant. What changes counts on the next request.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`], [`Error::Taken`] for a domain,
/// [`Error::InvalidFields`] for an unknown plan.
pub async fn update(
    tenancy: &Rc<Tenancy>,
    tenant: Uuid,
    change: &TenantChange,
    actor: &Actor,
) -> Result<TenantRecord> {
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
    let catalog = tenancy.catalog().await?;
    let before = repo::change(&*catalog, tenant, change, illegal, &entry).await?;
    let before = before.ok_or(Error::TenantNotFound)?;
    if illegal.contains(&before) {
        let to = change.status.unwrap_or(before);
        return Err(Error::IllegalTransition { from: before.as_str(), to: to.as_str() });
    }
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    admission::publish_tenant(tenancy, &record).await;
    audit::flush_catalog_later(tenancy, Some(tenant));
    Ok(record)
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
        Some(Status::Provisioning | Status::Deleting) | None => "tenant.updated",
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
        ("plan", change.plan.is_some()),
        ("limits", change.limits.is_some()),
    ] {
        if is_given {
            fields.insert(name.to_owned(), Value::Bool(true));
        }
    }
    fields.into_iter().map(|(name, _)| Value::String(name)).collect()
}
