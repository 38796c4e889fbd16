//! Updates of a tenant and the transitions between its states.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    crypto::DataKeys,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::{Domain, Domains},
    tenant::{
        Operation, TenantChange, TenantRecord,
        repo::{self, Changed},
    },
    version_cache::{Change, Changed as Published},
};

/// Updates a tenant. If `version` is given, updates only that version. The change takes effect on the next request.
///
/// # Errors
/// [`Error::TenantNotFound`], [`Error::IllegalTransition`], [`Error::PreconditionFailed`], [`Error::Taken`] for a
/// domain, [`Error::InvalidFields`] for an unknown plan.
pub async fn update(
    context: &Rc<Context>,
    tenant: Uuid,
    change: &TenantChange,
    version: Option<i64>,
    actor: &Actor,
) -> Result<Published<TenantRecord>> {
    for domain in change.domains.iter().flatten() {
        check_domain(context, domain, "domains")?;
    }
    let operation = change.operation();
    let severity = if operation == Operation::Update { Severity::Info } else { Severity::Warning };
    let event = Event::new(event_name(operation))
        .about("tenant", tenant)
        .severity(severity)
        .detail(json!({ "fields": changed_fields(change) }));
    let entry = Entry::new(context, Some(tenant), actor, event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    match repo::change(&*catalog, tenant, change, version, &entry).await? {
        Changed::Done => {}
        Changed::NotFound => return Err(Error::TenantNotFound),
        Changed::OtherVersion => return Err(Error::PreconditionFailed),
        Changed::Refused(error) => return Err(error),
    }
    let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
    publication.current(&record).await?;
    audit::flush_catalog_later(context, Some(tenant));
    let effect = publication.finish().await;
    if matches!(operation, Operation::Suspend | Operation::Delete) {
        database_role::end(context, &record, Ending::Tenant).await?;
    }
    Ok(Published { value: record, effect })
}

/// Adds a new data key to a tenant and returns its number. The new key seals new data. Earlier keys still unseal
/// existing data.
///
/// # Errors
/// [`Error::TenantNotFound`], and [`Error::IllegalTransition`] for a tenant whose data is not in use.
pub async fn rotate_data_key(
    context: &Rc<Context>,
    tenant: Uuid,
    actor: &Actor,
) -> Result<Published<u32>> {
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    loop {
        let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
        record.status.check(Operation::RotateDataKey)?;
        let sealed = record
            .data_key
            .as_ref()
            .ok_or_else(|| Error::internal("a tenant in use has no data keys"))?;
        let keys = DataKeys::open(&context.master_key, tenant, sealed)?;
        let new = keys.with_new(&context.master_key, tenant, &*context.platform.random)?;
        let number = keys.newest() + 1;
        let event = Event::new(name::TENANT_DATA_KEY_ROTATED)
            .severity(Severity::Warning)
            .about("tenant", tenant)
            .detail(json!({ "key_number": number }));
        let entry = Entry::new(context, Some(tenant), actor, event);
        // Of two concurrent rotations, the second adds to the keys of the first. A concurrent change of the state is
        // found by the next iteration.
        if repo::replace_data_keys(&*catalog, &record, &new, &entry).await? {
            let record = repo::find(&*catalog, tenant).await?.ok_or(Error::TenantNotFound)?;
            publication.current(&record).await?;
            audit::flush_catalog_later(context, Some(tenant));
            return Ok(Published { value: number, effect: publication.finish().await });
        }
    }
}

/// Returns the custom domains of a request, which has either a single domain or a list.
///
/// # Errors
/// [`Error::InvalidFields`] for `domain` if the request has both.
pub fn custom_domains(domain: Option<Domain>, domains: Option<Domains>) -> Result<Vec<Domain>> {
    match (domain, domains) {
        (Some(_), Some(_)) => {
            Err(Error::invalid_field("domain", "must not be combined with domains"))
        }
        (Some(domain), None) => Ok(vec![domain]),
        (None, Some(domains)) => Ok(domains.0),
        (None, None) => Ok(Vec::new()),
    }
}

/// Checks whether a tenant may use a custom domain.
///
/// # Errors
/// [`Error::InvalidFields`] for `field` if the domain belongs to the platform, because its subdomains identify tenants.
pub fn check_domain(context: &Context, domain: &Domain, field: &str) -> Result<()> {
    match &context.settings.base_domain {
        Some(base) if domain.is_within(base) => Err(Error::invalid_field(
            field,
            "must not be the platform's domain or a subdomain of it",
        )),
        _ => Ok(()),
    }
}

fn event_name(operation: Operation) -> &'static str {
    match operation {
        Operation::Suspend => name::TENANT_SUSPENDED,
        Operation::Activate => name::TENANT_ACTIVATED,
        Operation::Delete => name::TENANT_DELETED,
        Operation::Destroy => name::TENANT_DESTRUCTION_BEGAN,
        _ => name::TENANT_UPDATED,
    }
}

fn changed_fields(change: &TenantChange) -> Value {
    let mut fields = Map::new();
    for (name, is_given) in [
        ("name", change.name.is_some()),
        ("admin_email", change.admin_email.is_some()),
        ("domains", change.domains.is_some()),
        ("status", change.state.is_some()),
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
