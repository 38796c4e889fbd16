//! Requests for a message with a token, by any caller, perhaps a stranger. The response, the statements and the writes
//! are the same whether an account exists or not.

use std::rc::Rc;

use serde_json::json;
use uuid::Uuid;

use crate::{
    audit,
    bucket::{self, Bucket, Rate},
    context::Context,
    error::Result,
    event::{Actor, Entry, Event},
    identifier::EmailAddress,
    login_throttling,
    mail::{due, insertion::NewMessage, template::Purpose},
    tenant::{Tenant, TenantDb},
    user::repo::account_tokens::{self, CodeHashes, NewToken},
};

/// The rate of requests of one network for one address, which need not exist.
const OF_ADDRESS: Rate = Rate { burst: 5, per_minute: 1 };
/// The rate of requests of one network in a tenant.
const OF_NETWORK: Rate = Rate { burst: 30, per_minute: 10 };

/// The kind of a request.
pub(super) struct Kind {
    /// The name of its rate limits.
    pub name: &'static str,
    /// The purpose of the message.
    pub purpose: Purpose,
    /// The name of the event that records it.
    pub event: &'static str,
}

/// A request.
pub(super) struct Asked<'a> {
    /// The address, which need not be that of a user.
    pub email: &'a EmailAddress,
    /// Whether nobody can sign in to the tenant.
    pub is_refused: bool,
    /// The message to the user.
    pub message: NewMessage,
    /// The hashes of the request for a sign-in, and of its code.
    pub code: Option<CodeHashes>,
}

/// Counts a request against its network, whether a user has the address or not. Requests of other networks are not
/// affected, so a stranger cannot prevent them.
///
/// # Errors
/// [`Error::RateLimited`](crate::Error::RateLimited).
pub(super) async fn limit_rate(
    context: &Context,
    subject: Uuid,
    kind: &Kind,
    email: &EmailAddress,
    actor: &Actor,
) -> Result<()> {
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    let name = kind.name;
    let bucket = |parts: &[&[u8]], rate| -> Result<Bucket> {
        let subject_text =
            base16ct::lower::encode_string(&context.master_key.throttling_subject(parts)?);
        Ok(Bucket::of_tenant(subject, &format!("{name}:{subject_text}"), rate))
    };
    let (name, tenant, from) = (name.as_bytes(), subject.as_bytes(), network.as_bytes());
    let buckets = [
        bucket(&[name, tenant, from, email.as_str().as_bytes()], OF_ADDRESS)?,
        bucket(&[name, tenant, from], OF_NETWORK)?,
    ];
    bucket::take(context, &buckets).await
}

/// Sends the message of a request if the address is that of an active user.
pub(super) async fn send(
    context: &Rc<Context>,
    tenant: &Tenant,
    kind: &Kind,
    asked: Asked<'_>,
    actor: &Actor,
) -> Result<()> {
    let Asked { email, is_refused, message, code } = asked;
    let database = TenantDb::connect(context, tenant).await?;
    let user = account_tokens::find_active(&database, email.as_str()).await?;
    let user = user.filter(|_| !is_refused);
    let event = Event::new(kind.event);
    let event = match user {
        Some(user) => event.about("user", user),
        None => event.failed().detail(json!({ "reason": "unknown_user" })),
    };
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let network = actor.origin().address.map(login_throttling::network_text);
    let network = network.as_deref();
    let new = NewToken { user, network, purpose: kind.purpose, message, code };
    // Neither the response nor the work reveals whether there is a message.
    let _: bool = account_tokens::issue(&database, new, &entry).await?;
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    Ok(())
}
