//! Changes of the own address.
//!
//! A request changes nothing. The new address gets a token, and proves with it that it receives mail. Then the former
//! address, if it was verified, gets a notice with an objection: for some days it can take the account back from a thief
//! of the password or of a session.

use std::rc::Rc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::repo::{
    self,
    address_change::{self, NewAddress},
};
use crate::{
    audit,
    context::Context,
    database_role::{self, Ending},
    error::{AccountError, Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    identifier::EmailAddress,
    login_throttling,
    mail::{due, insertion::NewMessage, notice::Notice, require_transport, template::Language},
    tenant::{Tenant, TenantDb},
    token::{AddressToken, ObjectionToken, RecoveryToken},
    verified_address,
    version_cache::{Change, Changed, Effect},
};

/// How long the token for a new address is valid.
const LIFETIME: TimeDelta = TimeDelta::hours(1);
/// How long a former address can object.
const OBJECTION_LIFETIME: TimeDelta = TimeDelta::days(address_change::OBJECTION_DAYS);

/// The caller of a change.
pub struct Caller {
    /// The user.
    pub user: Uuid,
    /// The session.
    pub session: Uuid,
}

/// Sends a token to a new address of the calling user. Returns the seconds for which it is valid. If another user has the
/// address, this user gets a notice instead, and neither the response nor the work reveals it.
///
/// # Errors
/// [`AccountError::MailNotConfigured`], [`Error::UserNotFound`]; [`Error::InvalidFields`] for the address that the user has;
/// [`AccountError::TooManyAddressChanges`].
pub async fn request(
    context: &Rc<Context>,
    tenant: &Tenant,
    caller: Caller,
    new: &EmailAddress,
    language: Option<Language>,
    actor: &Actor,
) -> Result<i64> {
    require_transport(context)?;
    let Caller { user, session } = caller;
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    if found.email == new.as_str() {
        return Err(Error::invalid_field("new_email", "is your address already"));
    }
    if !address_change::can_object(&database, user, now).await? && found.is_verified {
        return Err(AccountError::TooManyAddressChanges.into());
    }
    let token = AddressToken::generate(tenant.id, &*context.platform.random);
    let message = NewMessage::new(context, tenant, language, new.as_str(), &token, now + LIFETIME)?;
    let notice = Notice::new(context, tenant, new.as_str(), None)?;
    let network = actor.origin().address.map(login_throttling::network_text);
    let event = Event::new(name::USER_ADDRESS_CHANGE_REQUESTED).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let (former, network) = (found.email.as_str(), network.as_deref());
    let new = NewAddress { user, former, session, network, message, notice };
    address_change::issue(&database, new, &entry).await?;
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    Ok(LIFETIME.num_seconds())
}

/// Gives the user that a token belongs to the new address. The session that asked for it continues. All others end, and so
/// do all tokens that were sent to the former address, except objections.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the token is invalid, used or expired, if the user has another address or has ended all
/// sessions since the request, or if another user has got the address; [`AccountError::MailNotConfigured`].
pub async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &AddressToken,
    actor: &Actor,
) -> Result<Effect> {
    require_transport(context)?;
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let Some(waiting) = address_change::find(&database, &token.hash(), now).await? else {
        return Err(refuse(context, tenant, actor));
    };
    // Nobody has proved that an unverified address is that of the user: its holder cannot object.
    let objection = if waiting.is_verified {
        let token = ObjectionToken::generate(tenant.id, &*context.platform.random);
        let expires_at = now + OBJECTION_LIFETIME;
        let former = &waiting.former;
        Some(NewMessage::with_objection(context, tenant, former, &token, expires_at)?)
    } else {
        None
    };
    let event = Event::new(name::USER_ADDRESS_CHANGED).severity(Severity::Warning);
    let event = event.with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let confirmed = address_change::confirm(&database, &token.hash(), objection, now, &entry).await;
    let ended = match confirmed {
        Ok(Some(ended)) => ended,
        Ok(None) | Err(Error::Account(AccountError::InvalidToken)) => {
            return Err(refuse(context, tenant, actor));
        }
        Err(error) => return Err(error),
    };
    for session in ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    verified_address::publish_later(context, tenant);
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    Ok(publication.finish().await)
}

/// Gives the user that an objection belongs to the former address back, and ends the password, every session and every
/// token. The address gets a message that leads to a new password. Returns the seconds for which its link is valid.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the objection is invalid, used or expired; [`Error::Taken`] if another user has got the
/// address; [`AccountError::MailNotConfigured`].
pub async fn object(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ObjectionToken,
    actor: &Actor,
) -> Result<Changed<i64>> {
    require_transport(context)?;
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let Some(address) = address_change::find_objection(&database, &token.hash(), now).await? else {
        return Err(refuse(context, tenant, actor));
    };
    let recovery = RecoveryToken::generate(tenant.id, &*context.platform.random);
    let expires_at = now + RecoveryToken::LIFETIME;
    let message = NewMessage::new(context, tenant, None, &address, &recovery, expires_at)?;
    let event = Event::new(name::USER_ADDRESS_RESTORED).severity(Severity::Warning);
    let event = event.with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let publication = Change::begin(context);
    let restored = address_change::restore(&database, &token.hash(), message, now, &entry).await?;
    let Some((user, version)) = restored else { return Err(refuse(context, tenant, actor)) };
    publication.user(tenant.id, user, version).await;
    verified_address::publish_later(context, tenant);
    audit::flush_later(context, tenant);
    due::add_later(context, tenant);
    let effect = publication.finish().await;
    database_role::end(context, tenant, Ending::User(user)).await?;
    Ok(Changed { value: RecoveryToken::LIFETIME.num_seconds(), effect })
}

/// Records that a token is not valid, and returns the error.
fn refuse(context: &Rc<Context>, tenant: &Tenant, actor: &Actor) -> Error {
    let event = Event::new(name::USER_ADDRESS_CHANGE_FAILED).severity(Severity::Warning).failed();
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    audit::record_rarely(context, Entry::new(context, Some(tenant.id), actor, event), &network);
    AccountError::InvalidToken.into()
}
