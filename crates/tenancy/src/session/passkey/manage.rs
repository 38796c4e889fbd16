//! The passkeys of the caller: names and removal.

use std::rc::Rc;

use serde_json::json;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    error::{Error, PasskeyError, Result},
    event::{Actor, Entry, Event, Severity, name},
    mail::{due, notice::Notice},
    passkey::repo,
    second_factor::FactorName,
    tenant::{Tenant, TenantDb},
    user,
};

/// Renames a passkey of the caller.
///
/// # Errors
/// [`PasskeyError::NotFound`].
pub async fn rename(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    passkey: Uuid,
    name: &FactorName,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new(name::PASSKEY_RENAMED).about("user", user);
    let event = event.detail(json!({ "passkey": passkey }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    if !repo::rename(&database, user, passkey, name.as_str(), &entry).await? {
        return Err(PasskeyError::NotFound.into());
    }
    audit::flush_later(context, tenant);
    Ok(())
}

/// Removes a passkey of the caller. The recovery codes go with the last factor of any kind.
///
/// # Errors
/// [`PasskeyError::NotFound`].
pub async fn remove(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    passkey: Uuid,
    actor: &Actor,
) -> Result<()> {
    let event = Event::new(name::PASSKEY_REMOVED).about("user", user).severity(Severity::Warning);
    let event = event.detail(json!({ "passkey": passkey }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    let found = user::repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    let notice = Notice::new(context, tenant, &found.email, Some(actor.origin()))?;
    if !repo::remove(&database, user, passkey, notice, &entry).await? {
        return Err(PasskeyError::NotFound.into());
    }
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    Ok(())
}
