//! The receipt of a destruction: an event of the platform's audit trail with the removed data and a checksum.
//!
//! The trail signs the receipt like every row, with a key that is in no database. The checksum identifies the receipt
//! elsewhere, for example in a letter to the customer.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    api_key,
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, Severity, content::timestamp, name},
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
    // Members of objects are in alphabetical order, so the text is canonical.
    let checksum = base16ct::lower::encode_string(&Sha256::digest(receipt.to_string().as_bytes()));
    let event = Event::new(name::TENANT_ERASED)
        .severity(Severity::Critical)
        .about("tenant", record.id)
        .detail(json!({ "receipt": receipt, "sha256": checksum }));
    Entry::new(context, None, actor, event)
}
