//! The tenants of a person, for somebody who proves control of the address by mail.
//!
//! The message is in the outbox of one of the tenants. It names none of them, and its link leads to the page of the
//! service: the page of a tenant must not learn the others.

use std::rc::Rc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::mailed::{self, Kind};
use crate::{
    audit,
    context::Context,
    error::{AccountError, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    later, login_throttling,
    mail::{
        due,
        insertion::NewMessage,
        require_transport,
        template::{Language, Purpose},
    },
    resolve,
    tenant::{Tenant, TenantDb},
    token::TenantListToken,
    user::repo::account_tokens,
    verified_address::{self, PersonTenant},
};

/// How long a token is valid.
const LIFETIME: TimeDelta = TimeDelta::minutes(30);
const KIND: Kind =
    Kind { name: "tenant list", purpose: Purpose::TenantList, event: name::USER_TENANTS_REQUESTED };
/// Represents the service in rate limits, because a request addresses no tenant.
const SERVICE: Uuid = Uuid::nil();

/// Sends a token for the list to an address, if a user has verified it. Returns the seconds for which the token is valid.
///
/// # Errors
/// [`AccountError::MailNotConfigured`]; [`Error::RateLimited`] after too many requests of the network, whether a user has the
/// address or not.
pub async fn request(
    context: &Rc<Context>,
    email: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<i64> {
    require_transport(context)?;
    mailed::limit_rate(context, SERVICE, &KIND, email, actor).await?;
    // The response does not wait for the search, whose duration would reveal whether there is an account.
    due::expect(context);
    let (email, actor) = (email.clone(), actor.clone());
    let failure = "a list of tenants was not sent; the person can ask again";
    later::run(context, failure, async move |context| {
        send(context, &email, language, &actor).await
    });
    Ok(LIFETIME.num_seconds())
}

/// Sends a token to an address if a user has verified it.
async fn send(
    context: &Rc<Context>,
    email: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<()> {
    let found = verified_address::find_first_tenant(context, email.as_str()).await?;
    let Some(found) = found else { return Ok(()) };
    let Some(tenant) = resolve::by_id(context, found).await? else { return Ok(()) };
    let token = TenantListToken::generate(tenant.id, &*context.platform.random);
    let expires_at = context.platform.clock.now() + LIFETIME;
    let message = NewMessage::new(context, &tenant, language, email.as_str(), &token, expires_at)?;
    let asked = mailed::Asked { email, is_refused: false, message, code: None };
    mailed::send(context, &tenant, &KIND, asked, actor).await
}

/// Returns the tenants in which a user has verified the address that received a token. The token can be used once.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the token is invalid, used or expired, or was sent to a former address;
/// [`AccountError::MailNotConfigured`].
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
    let taken = account_tokens::take_tenant_list(&database, &token.hash(), now, &entry).await?;
    let Some(address) = taken else {
        let event = Event::new(name::USER_TENANTS_LISTED).severity(Severity::Warning).failed();
        let network = actor.origin().address.map(login_throttling::network_text);
        let entry = Entry::new(context, Some(tenant.id), actor, event);
        audit::record_rarely(context, entry, &network.unwrap_or_default());
        return Err(AccountError::InvalidToken.into());
    };
    audit::flush_later(context, tenant);
    verified_address::list_tenants(context, &address).await
}
