//! The receipt of a destruction: an event of the platform's audit trail with the removed data and a checksum.

use serde_json::{Value, json};

use crate::{
    api_key,
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, Severity, content::timestamp, name, receipt},
    storage,
    tenant::{TenantDb, TenantRecord},
    user,
};

/// Returns the numbers of objects that a destruction will remove.
///
/// # Errors
/// [`crate::Error::Unavailable`] if a store is unavailable.
pub(super) async fn count(context: &Context, record: &TenantRecord) -> Result<Value> {
    let database = TenantDb::connect_to(context, record).await?;
    let (bytes, files) = storage::repo::usage(&database).await?;
    let users = user::repo::count(&database).await?;
    let catalog = context.catalog().await?;
    let api_keys = api_key::repo::count(&*catalog, record.id).await?;
    Ok(json!({
        "database": record.database.name, "users": users, "files": files, "file_bytes": bytes, "api_keys": api_keys,
    }))
}

/// Returns the receipt. `removed` is null if an interrupted destruction had dropped the database already, or if a session
/// held a table.
pub(super) fn entry(
    context: &Context,
    record: &TenantRecord,
    removed: &Value,
    actor: &Actor,
) -> Entry {
    let receipt = json!({
        "tenant": record.id,
        "slug": record.slug,
        "plan": record.plan,
        "created_at": timestamp(record.created_at),
        "erased_at": timestamp(context.platform.clock.now()),
        "removed": removed,
    });
    let event = Event::new(name::TENANT_ERASED)
        .severity(Severity::Critical)
        .about("tenant", record.id)
        .detail(receipt::detail(&receipt).0);
    Entry::new(context, None, actor, event)
}
