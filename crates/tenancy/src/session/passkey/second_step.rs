//! A passkey as the second step of a sign-in with a password.

use std::rc::Rc;

use super::{Response, accept, new_challenge, take_for_place};
use crate::{
    context::Context,
    error::{PasskeyError, Result, SecondFactorError},
    event::Actor,
    passkey::{Assertion, RelyingParty, RequestOptions, challenge::Use, repo},
    second_factor::repo::{OpenChallenge, find_challenge},
    session::{
        Proof, SignedIn,
        code::{account_of_user, target, throttled},
        sign_in::begin_session,
    },
    tenant::{Tenant, TenantDb},
    token::ChallengeToken,
};

/// Returns the sign-in of a challenge that a passkey can answer.
async fn find(context: &Context, tenant: &Tenant, token: &ChallengeToken) -> Result<OpenChallenge> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = find_challenge(&database, &token.hash(), now).await?;
    let found = found.filter(|challenge| !challenge.needs_enrollment);
    found.ok_or_else(|| SecondFactorError::InvalidChallenge.into())
}

/// Begins the second step with one of the user's passkeys.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] if the challenge is invalid, answered or expired, or needs an enrolment;
/// [`PasskeyError::NotFound`] if the user has no passkey; [`PasskeyError::NotConfigured`]; [`crate::Error::RateLimited`].
pub async fn begin_answer(
    context: &Context,
    tenant: &Tenant,
    token: &ChallengeToken,
) -> Result<RequestOptions> {
    let sign_in = find(context, tenant, token).await?;
    begin(context, tenant, sign_in.holder.user.id, Use::SecondStep(sign_in.id)).await
}

/// Returns the options for one of a user's passkeys.
pub(super) async fn begin(
    context: &Context,
    tenant: &Tenant,
    user: uuid::Uuid,
    of: Use,
) -> Result<RequestOptions> {
    take_for_place(context, tenant, of).await?;
    let known = {
        let database = TenantDb::connect(context, tenant).await?;
        repo::list_known(&database, user).await?
    };
    // Without ids, a browser would offer passkeys of other accounts.
    if known.is_empty() {
        return Err(PasskeyError::NotFound.into());
    }
    let relying_party = RelyingParty::of(context, tenant).await?;
    Ok(RequestOptions::new(relying_party, new_challenge(context, tenant, of)?, known))
}

/// Signs in the user of a challenge with a passkey.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] as for [`begin_answer`]; [`PasskeyError::Invalid`] if the response is invalid,
/// expired or already used; [`crate::Error::TooManyAttempts`] after too many failures.
pub async fn answer(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    assertion: &Assertion,
    actor: &Actor,
) -> Result<SignedIn> {
    let sign_in = find(context, tenant, token).await?;
    let user = sign_in.holder.user;
    let relying_party = RelyingParty::of(context, tenant).await?;
    let found = {
        let database = TenantDb::connect(context, tenant).await?;
        repo::find(&database, &assertion.id, None).await?
    };
    let response = Response {
        found: found.as_ref(),
        user: Some(user.id),
        assertion,
        of: Use::SecondStep(sign_in.id),
        sign_in: Some(sign_in.id),
        session: None,
    };
    let account = account_of_user(user.id);
    let throttling = target(tenant, &account, false, actor);
    let verified = accept(context, tenant, &relying_party, response, actor);
    let accepted = throttled(context, Some(tenant), &throttling, actor, verified).await?;
    accepted.ok_or(PasskeyError::Invalid)?;
    let database = TenantDb::connect(context, tenant).await?;
    begin_session(context, tenant, &database, user, Proof::TwoFactors, actor).await
}
