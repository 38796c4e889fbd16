//! The proof that a person controls the e-mail address of the own account.

use std::rc::Rc;

use chrono::TimeDelta;
use uuid::Uuid;

use super::repo::{
    self,
    account_tokens::{self, NewToken},
};
use crate::{
    audit,
    context::Context,
    error::{AccountError, Error, Result},
    event::{Actor, Entry, Event, Severity, name},
    login_throttling,
    mail::{
        due,
        insertion::NewMessage,
        require_transport,
        template::{Language, Purpose},
    },
    tenant::{Tenant, TenantDb},
    token::VerificationToken,
    verified_address,
};

/// How long a token is valid.
const LIFETIME: TimeDelta = TimeDelta::days(1);

/// The result of a request for a verification.
pub struct Requested {
    /// Whether a message is sent.
    pub is_mailed: bool,
    /// The seconds for which its token is valid.
    pub expires_in: i64,
}

/// Sends a token to the address of the calling user. No message is sent if the address is verified, or if the user has
/// several valid tokens.
///
/// # Errors
/// [`AccountError::MailNotConfigured`], [`Error::UserNotFound`].
pub async fn request(
    context: &Rc<Context>,
    tenant: &Tenant,
    user: Uuid,
    language: Option<Language>,
    actor: &Actor,
) -> Result<Requested> {
    require_transport(context)?;
    let expires_in = LIFETIME.num_seconds();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find(&database, user).await?.ok_or(Error::UserNotFound)?;
    if found.is_verified {
        return Ok(Requested { is_mailed: false, expires_in });
    }
    let token = VerificationToken::generate(tenant.id, &*context.platform.random);
    let expires_at = context.platform.clock.now() + LIFETIME;
    let message = NewMessage::new(context, tenant, language, &found.email, &token, expires_at)?;
    let event = Event::new(name::USER_VERIFICATION_REQUESTED).about("user", user);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let network = actor.origin().address.map(login_throttling::network_text);
    let new = NewToken {
        user: Some(user),
        network: network.as_deref(),
        purpose: Purpose::AddressVerification,
        message,
        code: None,
    };
    let is_mailed = account_tokens::issue(&database, new, &entry).await?;
    audit::flush_later(context, tenant);
    if is_mailed {
        due::add_later(context, tenant);
    }
    Ok(Requested { is_mailed, expires_in })
}

/// Verifies the address of the user that a token belongs to.
///
/// # Errors
/// [`AccountError::InvalidToken`] if the token is invalid, used or expired, or was sent to a former address;
/// [`AccountError::MailNotConfigured`].
pub async fn confirm(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &VerificationToken,
    actor: &Actor,
) -> Result<()> {
    require_transport(context)?;
    let now = context.platform.clock.now();
    let event = Event::new(name::USER_ADDRESS_VERIFIED).with_actor_from_statement();
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let database = TenantDb::connect(context, tenant).await?;
    if account_tokens::verify_address(&database, &token.hash(), now, &entry).await?.is_some() {
        verified_address::publish_later(context, tenant);
        audit::flush_later(context, tenant);
        return Ok(());
    }
    let event = Event::new(name::USER_VERIFICATION_FAILED).severity(Severity::Warning).failed();
    let network = actor.origin().address.map(login_throttling::network_text).unwrap_or_default();
    audit::record_rarely(context, Entry::new(context, Some(tenant.id), actor, event), &network);
    Err(AccountError::InvalidToken.into())
}
