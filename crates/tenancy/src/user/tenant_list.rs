//! The tenants of a person, for somebody who proves control of the address by mail.
//!
//! The message is in the outbox of one of the tenants. It names none of them, and its link leads to the page of the
//! service: the page of a tenant must not learn the others.

use std::rc::Rc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::repo::account_tokens;
use crate::{
    audit,
    bucket::{self, Bucket, Rate},
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    login_throttling,
    mail::{
        due,
        insertion::NewMessage,
        require_transport,
        template::{Language, Purpose},
    },
    resolve,
    tenant::{Tenant, TenantDb},
    token::TenantListToken,
    verified_address::{PersonTenant, repo},
};

/// How long a token is valid.
const LIFETIME: TimeDelta = TimeDelta::minutes(30);
/// The rate of requests of one network for one address, which need not exist.
const OF_ADDRESS: Rate = Rate { burst: 5, per_minute: 1 };
/// The rate of requests of one network.
const OF_NETWORK: Rate = Rate { burst: 30, per_minute: 10 };

/// Sends a token for the list to an address, if a user has verified it. Returns the seconds for which the token is valid.
///
/// # Errors
/// [`Error::MailNotConfigured`]; [`Error::RateLimited`] after too many requests of the network, whether a user has the
/// address or not.
pub async fn request(
    context: &Rc<Context>,
    email: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<i64> {
    require_transport(context)?;
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    let bucket = |parts: &[&[u8]], rate| -> Result<Bucket> {
        let name = base16ct::lower::encode_string(&context.master_key.throttling_subject(parts)?);
        Ok(Bucket::of_platform(&format!("tenant_list:{name}"), rate))
    };
    let from = network.as_bytes();
    let buckets = [
        bucket(&[b"tenant list", from, email.as_str().as_bytes()], OF_ADDRESS)?,
        bucket(&[b"tenant list", from], OF_NETWORK)?,
    ];
    bucket::take(context, &buckets).await?;
    let hashes = context.master_key.address_hashes(email.as_str())?;
    let catalog = context.catalog().await?;
    let found = repo::find_first(&*catalog, &hashes).await?;
    // The look-up of an unknown tenant takes as long as any other.
    let tenant = resolve::by_id(context, found.map_or(Uuid::nil(), |(tenant, _)| tenant)).await?;
    let Some((tenant, (_, user))) = tenant.zip(found) else {
        resolve::stand_in(context).await?;
        return Ok(LIFETIME.num_seconds());
    };
    let token = TenantListToken::generate(tenant.id, &*context.platform.random);
    let expires_at = context.platform.clock.now() + LIFETIME;
    let message = NewMessage::new(context, &tenant, language, email.as_str(), &token, expires_at)?;
    let event = Event::new(name::USER_TENANTS_REQUESTED).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, &tenant).await?;
    let purpose = Purpose::TenantList;
    // Neither the response nor the work reveals whether there is a message.
    let _: bool = account_tokens::issue(&database, Some(user), purpose, message, &entry).await?;
    audit::flush_later(context, &tenant);
    due::add_later(context, &tenant);
    Ok(LIFETIME.num_seconds())
}

/// Returns the tenants in which a user has verified the address that received a token. The token can be used once.
///
/// # Errors
/// [`Error::InvalidMailedToken`] if the token is invalid, used or expired, or was sent to a former address;
/// [`Error::MailNotConfigured`].
pub async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &TenantListToken,
    actor: &Actor,
) -> Result<Vec<PersonTenant>> {
    require_transport(context)?;
    let now = context.platform.clock.now();
    let event = Event::new(name::USER_TENANTS_LISTED).with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    let Some(address) = account_tokens::take_tenant_list(&database, &token.hash(), now, &entry).await?
    else {
        let event = Event::new(name::USER_TENANTS_LISTED).severity(Severity::Warning).failed();
        let network = actor.origin().address.map(login_throttling::network_text);
        let entry = Entry::new(context, Some(tenant.id), actor, event);
        audit::record_rarely(context, entry, &network.unwrap_or_default());
        return Err(Error::InvalidMailedToken);
    };
    audit::flush_later(context, tenant);
    let hashes = context.master_key.address_hashes(&address)?;
    let catalog = context.catalog().await?;
    repo::list_tenants(&*catalog, &hashes).await
}
