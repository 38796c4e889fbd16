//! A passkey as a recent proof of identity in a session.

use std::rc::Rc;

use uuid::Uuid;

use super::{Response, accept, second_step::begin};
use crate::{
    context::Context,
    error::{Error, Result},
    event::Actor,
    passkey::{Assertion, RelyingParty, RequestOptions, challenge::Use, repo},
    session::code::{account_of_user, target, throttled},
    tenant::{Tenant, TenantDb},
};

/// Begins a proof of identity with one of the caller's passkeys.
///
/// # Errors
/// [`PasskeyError::NotFound`](crate::error::PasskeyError::NotFound) if the caller has no passkey;
/// [`PasskeyError::NotConfigured`](crate::error::PasskeyError::NotConfigured); [`Error::RateLimited`].
pub async fn begin_proof(
    context: &Context,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
) -> Result<RequestOptions> {
    begin(context, tenant, user, Use::Proof { user, session }).await
}

/// Proves the identity of the user of a session with a passkey.
///
/// # Errors
/// [`Error::InvalidFields`] for `credential` if the response is invalid, expired or already used;
/// [`Error::TooManyAttempts`].
pub async fn prove(
    context: &Rc<Context>,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    assertion: &Assertion,
    actor: &Actor,
) -> Result<()> {
    let relying_party = RelyingParty::of(context, tenant).await?;
    let found = {
        let database = TenantDb::connect(context, tenant).await?;
        repo::find(&database, &assertion.id, None).await?
    };
    let response = Response {
        found: found.as_ref(),
        user: Some(user),
        assertion,
        of: Use::Proof { user, session },
        sign_in: None,
        session: Some(session),
    };
    let account = account_of_user(user);
    let throttling = target(tenant, &account, false, actor);
    let verified = accept(context, tenant, &relying_party, response, actor);
    let accepted = throttled(context, Some(tenant), &throttling, actor, verified).await?;
    let problem = "is not the response of one of your passkeys, or is expired or already used";
    accepted.map(drop).ok_or_else(|| Error::invalid_field("credential", problem))
}
