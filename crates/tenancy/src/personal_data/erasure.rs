//! The erasure of a person.
//!
//! The first statement deletes the user with every session and token, and records the values that identify the person in
//! other places in `user_erasures` of the tenant's database. The next steps end the credentials, forget failed sign-ins,
//! and remove the person from the catalog and from the audit trail. The last statement deletes the row in `user_erasures`
//! and records the receipt.
//!
//! Under a crash: each step can be repeated. A repeated call, the maintenance or `tenantctl repair` finds the row and
//! finishes the erasure.

use std::rc::Rc;

use platform::sql::state;
use serde_json::json;
use uuid::Uuid;

use super::{
    Erasure, Removed,
    repo::{self, Pending},
};
use crate::{
    api_key,
    audit::{self, Filter, Person, Redacted},
    context::Context,
    credential::allowance,
    database_role::{self, Ending},
    error::{Error, Result},
    event::{Actor, Entry, Event, Origin, name},
    limiter::Limiter,
    log, login_throttling,
    tenant::{Tenant, TenantDb, TenantRecord, repo as tenants},
    user::{self, repo::Changed},
    verified_address,
    version_cache::{Change, Changed as Published, Effect},
};

/// The number of erasures that an instance makes concurrently, because each reads the whole trail of its tenant.
const AT_ONCE: u32 = 2;
/// The contact address of a tenant without another administrator. The domain is reserved (RFC 2606).
const NO_CONTACT: &str = "erased@tenancy.invalid";

/// The erasures of an instance.
struct Erasures(Limiter);

impl Default for Erasures {
    fn default() -> Self {
        Self(Limiter::new("erasures", AT_ONCE))
    }
}

/// Erases a person: deletes the user, and removes everything that identifies the person. A user that was deleted before
/// can be erased, too. A repeated call finishes an interrupted erasure, and otherwise returns the receipt again.
///
/// # Errors
/// [`Error::UserNotFound`], [`Error::LastAdministrator`]; [`Error::AdministratorRequired`] and [`Error::ScopeNotHeld`]
/// if the user is outside the caller's authority.
pub async fn erase(
    context: &Rc<Context>,
    tenant: &Tenant,
    id: Uuid,
    authority: &user::Authority,
    actor: &Actor,
) -> Result<Published<Erasure>> {
    let _slot = context.state::<Erasures>().0.enter(&*context.platform.executor).await?;
    let event = Event::new(name::USER_DELETED).about("user", id).detail(json!({ "erasure": true }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let database = TenantDb::connect(context, tenant).await?;
    let reach = authority.manageable(&tenant.definitions);
    let is_known = match user::repo::erase(&database, id, &reach, &entry).await? {
        Changed::Done(_) => true,
        Changed::NotFound => {
            repo::find(&database, id).await?.is_some()
                || begin_again(context, tenant, &database, id).await?
        }
        Changed::LastAdministrator => return Err(Error::LastAdministrator),
        Changed::Above(role) => return Err(user::beyond(role)),
        Changed::AboveCustom(id) => return Err(authority.beyond(&tenant.definitions, id)),
    };
    // An earlier call may have failed before Redis was updated.
    publication.user_tombstone(tenant.id, id).await;
    let effect = publication.finish().await;
    if !is_known {
        return Err(Error::UserNotFound);
    }
    // The caller may be the person, and the receipt contains no address of the person.
    let actor = if actor.is_user(id) { Actor::user(id, Origin::default()) } else { actor.clone() };
    let erasure = finish(context, tenant, id, &actor).await?;
    Ok(Published { value: erasure, effect })
}

/// Begins the erasure of a user that was deleted or erased before. Returns whether the trail contains such a user.
async fn begin_again(
    context: &Context,
    tenant: &TenantRecord,
    database: &TenantDb,
    id: Uuid,
) -> Result<bool> {
    audit::recover(context, tenant).await?;
    let catalog = context.catalog().await?;
    if !audit::names_user(&*catalog, tenant.id, id).await? {
        return Ok(false);
    }
    repo::insert(database, id).await?;
    Ok(true)
}

/// Finishes the erasures of a tenant that were interrupted, and returns their number.
///
/// # Errors
/// [`Error::Unavailable`] if a store is unavailable.
pub async fn recover(context: &Context, tenant: &TenantRecord) -> Result<u64> {
    let mut finished = 0;
    for id in list(context, tenant).await? {
        let publication = Change::begin(context);
        publication.user_tombstone(tenant.id, id).await;
        let _: Effect = publication.finish().await;
        finish(context, tenant, id, &Actor::system()).await?;
        finished += 1;
    }
    Ok(finished)
}

/// Returns the users whose erasure is not complete.
pub async fn list(context: &Context, tenant: &TenantRecord) -> Result<Vec<Uuid>> {
    let database = TenantDb::connect_to(context, tenant).await?;
    match repo::list(&database).await {
        Ok(users) => Ok(users),
        // `tenantctl migrate` has not reached this database yet.
        Err(error) if error.is(state::UNDEFINED_TABLE) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Removes everything that identifies a deleted user, and records the receipt.
async fn finish(
    context: &Context,
    tenant: &TenantRecord,
    id: Uuid,
    actor: &Actor,
) -> Result<Erasure> {
    let database = TenantDb::connect_to(context, tenant).await?;
    let Some(Pending { person, mut removed }) = repo::find(&database, id).await? else {
        // Another call was faster, and its receipt may still wait in the outbox.
        audit::recover(context, tenant).await?;
        return last_receipt(context, tenant.id, id)
            .await?
            .ok_or_else(|| Error::unavailable("another call finishes the erasure"));
    };
    removed.database_credentials += database_role::end(context, tenant, Ending::User(id)).await?;
    repo::update(&database, id, &removed).await?;
    forget_failed_sign_ins(context, tenant.id, &person).await?;
    verified_address::publish(context, tenant).await?;
    let known = Person { user: id, email: person.email, names: person.names };
    removed.tenant_contacts += replace_contact(context, tenant, &database, &known).await?;
    removed.api_key_names += rename_api_keys(context, tenant.id, &known).await?;
    repo::update(&database, id, &removed).await?;
    // Events that wait in an outbox are part of the trail.
    audit::recover(context, tenant).await?;
    let Redacted { rows, changed, until } = audit::redact(context, tenant.id, &known, 0).await?;
    if changed == 0
        && removed == Removed::default()
        && let Some(erasure) = last_receipt(context, tenant.id, id).await?
    {
        repo::discard(&database, id).await?;
        return Ok(erasure);
    }
    removed.audit_events = rows;
    let (erasure, entry) = Erasure::new(context, tenant.id, id, removed, actor)?;
    let is_first = repo::finish(&database, id, &entry).await?;
    audit::recover(context, tenant).await?;
    if !is_first {
        return last_receipt(context, tenant.id, id)
            .await?
            .ok_or_else(|| Error::internal("a complete erasure has no receipt"));
    }
    // From now on the trail accepts no address of the user. This removes those of the last moment.
    audit::redact(context, tenant.id, &known, until).await?;
    Ok(erasure)
}

/// Returns the newest receipt of a user.
async fn last_receipt(context: &Context, tenant: Uuid, id: Uuid) -> Result<Option<Erasure>> {
    let catalog = context.catalog().await?;
    let filter = Filter {
        tenant: Some(tenant),
        event: Some(name::USER_ERASED.to_owned()),
        resource: Some(id.to_string()),
        ..Filter::default()
    };
    let (events, _) = audit::list(&*catalog, &filter, None, 1).await?;
    log::readable(context, events).first().map(Erasure::read).transpose()
}

async fn forget_failed_sign_ins(
    context: &Context,
    tenant: Uuid,
    person: &repo::Identity,
) -> Result<()> {
    let Some(email) = &person.email else { return Ok(()) };
    let account = login_throttling::Account {
        tenant,
        name: email,
        addresses: &person.addresses,
        devices: &person.sessions,
    };
    login_throttling::forget(context, &account).await?;
    allowance::forget(context, tenant, email).await
}

/// Replaces the contact of a tenant if it is the person. Returns the number of replaced contacts.
async fn replace_contact(
    context: &Context,
    tenant: &TenantRecord,
    database: &TenantDb,
    person: &Person,
) -> Result<u64> {
    let Some(email) = &person.email else { return Ok(0) };
    let other = user::repo::find_administrator(database).await?;
    let contact = other.as_deref().unwrap_or(NO_CONTACT);
    let event = Event::new(name::TENANT_UPDATED).about("tenant", tenant.id).detail(json!({
        "fields": ["admin_email"], "before": { "admin_email": null }, "after": { "admin_email": contact },
    }));
    let entry = Entry::new(context, Some(tenant.id), &Actor::system(), event);
    let publication = Change::begin(context);
    let catalog = context.catalog().await?;
    if !tenants::replace_contact(&*catalog, tenant.id, email, contact, &entry).await? {
        return Ok(0);
    }
    if let Some(record) = tenants::find(&*catalog, tenant.id).await? {
        publication.current(&record).await?;
    }
    // No credential ends with this change, so nothing waits for it.
    let _: Effect = publication.finish().await;
    Ok(1)
}

/// Replaces the names of API keys that contain a name of the person, also of revoked ones. Returns their number.
async fn rename_api_keys(context: &Context, tenant: Uuid, person: &Person) -> Result<u64> {
    if person.email.is_none() {
        return Ok(0);
    }
    let catalog = context.catalog().await?;
    let (mut renamed, mut after) = (0, Uuid::nil());
    loop {
        let page = api_key::repo::list_names(&*catalog, tenant, after).await?;
        let Some(last) = page.last() else { return Ok(renamed) };
        after = last.id;
        for key in page.iter().filter(|key| person.is_named_in(&key.name)) {
            let name = format!("API key {}", key.prefix);
            let event = Event::new(name::API_KEY_UPDATED)
                .about("api_key", key.id)
                .detail(json!({ "before": { "name": null }, "after": { "name": name } }));
            let entry = Entry::new(context, Some(tenant), &Actor::system(), event);
            let publication = Change::begin(context);
            let record = api_key::repo::rename(&*catalog, tenant, key.id, &name, &entry).await?;
            if let Some(record) = record {
                publication.current(&record).await?;
            }
            let _: Effect = publication.finish().await;
            renamed += 1;
        }
    }
}
