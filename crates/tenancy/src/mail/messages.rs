//! The messages of a tenant for operators, and their end.

use std::rc::Rc;

use platform::sql::Rows;
use serde_json::json;
use uuid::Uuid;

use super::{
    attempt::Failure,
    due,
    message::{Message, Retry},
    repo,
};
use crate::{
    audit,
    context::Context,
    error::Result,
    event::{Actor, Entry, Event, Severity, name},
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// The maximum number of messages that one call ends or removes.
const MOST: i64 = 1000;

/// Returns the dead messages of a tenant, the newest first.
pub async fn list_dead(context: &Context, tenant: &Tenant, most: u32) -> Result<Rows<Message>> {
    repo::list_dead(&TenantDb::connect(context, tenant).await?, most).await
}

/// Lets a dead message be sent again.
pub async fn retry(
    context: &Rc<Context>,
    tenant: &Tenant,
    message: Uuid,
    may_duplicate: bool,
    actor: &Actor,
) -> Result<Retry> {
    let event = Event::new(name::MAIL_RETRIED)
        .about("mail_message", message)
        .detail(json!({ "may_duplicate": may_duplicate }));
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    let now = context.platform.clock.now();
    let result = repo::retry(&database, message, may_duplicate, now, &entry).await?;
    audit::flush_later(context, tenant);
    if result == Retry::Waiting {
        due::add_later(context, tenant);
    }
    Ok(result)
}

/// Ends the messages of a tenant that must no longer be sent, and removes those that ended days ago. Returns the number
/// of removed messages.
pub async fn maintain(context: &Context, tenant: &TenantRecord) -> Result<u64> {
    let database = TenantDb::connect_to(context, tenant).await?;
    end_overdue(context, tenant, &database).await?;
    repo::remove_ended(&database, context.platform.clock.now(), MOST).await
}

/// Ends the messages that must no longer be sent. Each one is recorded.
pub(super) async fn end_overdue(
    context: &Context,
    tenant: &TenantRecord,
    database: &TenantDb,
) -> Result<()> {
    let now = context.platform.clock.now();
    for _ in 0..MOST {
        let Some(overdue) = repo::find_overdue(database, now).await? else { break };
        let entry = failed(context, tenant, (overdue.id, overdue.user), overdue.failure);
        repo::end_overdue(database, &overdue, now, &entry).await?;
    }
    Ok(())
}

/// Returns the event of a message that is dead.
pub(super) fn failed(
    context: &Context,
    tenant: &TenantRecord,
    (message, user): (Uuid, Uuid),
    failure: Failure,
) -> Entry {
    let event = Event::new(name::MAIL_FAILED)
        .failed()
        .severity(Severity::Warning)
        .about("user", user)
        .detail(json!({ "message": message, "failure": failure.code() }));
    Entry::new(context, Some(tenant.id), &Actor::system(), event)
}
