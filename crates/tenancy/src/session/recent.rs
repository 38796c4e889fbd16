//! Destructive changes need a recent proof of identity (RFC 9470).

use std::{rc::Rc, time::Duration};

use uuid::Uuid;

use super::{
    code::{Given, check, wrong_code},
    proof,
    sign_in::{Attempted, compare},
};
use crate::{
    context::Context,
    credential::Password,
    error::{Error, Result, SecondFactorError, Unauthenticated},
    event::{Actor, name},
    login_throttling,
    second_factor::{
        Code,
        repo::{self, Which},
    },
    tenant::{Tenant, TenantDb},
    user::repo::credentials::{self, NeededFactor},
};

/// The age of a proof up to which second factors can be changed.
const RECENT: Duration = Duration::from_mins(10);

/// The age of a proof that a change accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Ten minutes, or less if the rules of the tenant say so.
    TenMinutes,
    /// As the rules of the tenant say; any age by default.
    OfPolicy,
}

/// Checks that the user of a session proved their identity recently, with a second factor if the user has one.
///
/// # Errors
/// [`SecondFactorError::RecentSignInRequired`].
pub async fn require_recent(
    context: &Context,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    age: Age,
) -> Result<()> {
    let database = TenantDb::connect(context, tenant).await?;
    let found = proof::find(&database, user, session).await?;
    let proof = found.ok_or(Error::Unauthenticated(Unauthenticated::RevokedToken))?;
    let of_policy = proof
        .recent_sign_in_minutes
        .and_then(|minutes| u64::try_from(minutes).ok())
        .map(Duration::from_mins);
    let longest = match (age, of_policy) {
        (Age::OfPolicy, None) => return Ok(()),
        (Age::OfPolicy, Some(longest)) => longest,
        (Age::TenMinutes, longest) => longest.unwrap_or(RECENT).min(RECENT),
    };
    let now = context.platform.clock.now();
    // A proof from the future is as good as one of this moment: the clocks of instances differ.
    let elapsed = (now - proof.authenticated_at).to_std().unwrap_or_default();
    if elapsed <= longest && (proof.has_second_factor || !proof.user_has_second_factor) {
        return Ok(());
    }
    Err(SecondFactorError::RecentSignInRequired {
        max_age: longest.as_secs(),
        needs_second_factor: proof.user_has_second_factor,
    }
    .into())
}

/// Proves the identity of the user of a session again: with a code if the user has a second factor, otherwise with the
/// password.
///
/// # Errors
/// [`Error::InvalidFields`] for `code` or `password` if it is missing or wrong; [`Error::TooManyAttempts`].
pub async fn prove_again(
    context: &Rc<Context>,
    tenant: &Tenant,
    (user, session): (Uuid, Uuid),
    password: Option<&Password>,
    code: Option<&Code>,
    actor: &Actor,
) -> Result<()> {
    const REVOKED: Error = Error::Unauthenticated(Unauthenticated::RevokedToken);
    let (holder, found) = {
        let database = TenantDb::connect(context, tenant).await?;
        let holder = repo::holder(&database, user, Which::Confirmed).await?;
        let address = actor.origin().address.map(login_throttling::network_text);
        let found = credentials::find_own_credentials(&database, user, address.as_deref()).await?;
        (holder.ok_or(REVOKED)?, found.ok_or(REVOKED)?)
    };
    // A user with a passkey only can use a recovery code here; the passkey has endpoints of its own.
    if matches!(found.second_factor, NeededFactor::Factor(_)) {
        let code = code.ok_or_else(|| Error::invalid_field("code", "is required"))?;
        let given = Given {
            holder: &holder,
            challenge: None,
            session: Some(session),
            is_enrollment: false,
            recovery_codes: &[],
            code,
        };
        return check(context, tenant, &given, actor).await?.map(drop).ok_or_else(wrong_code);
    }
    let password = password.ok_or_else(|| Error::invalid_field("password", "is required"))?;
    let email = found.user.email.clone();
    let attempted = Attempted {
        tenant: Some(tenant),
        subject: tenant.id,
        email: &email,
        found: Some(&found),
        device: None,
        failure: name::AUTH_LOGIN_FAILED,
    };
    if compare(context, &attempted, password, actor).await?.is_none() {
        return Err(Error::invalid_field("password", "is not your password"));
    }
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    // In the meantime the session may have ended, or the user may have got a second factor.
    if proof::prove_again(&database, user, session, now).await? { Ok(()) } else { Err(REVOKED) }
}
