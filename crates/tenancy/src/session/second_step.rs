//! The second step of a sign-in: the code that answers its challenge, or the enrolment that it needs.

use std::rc::Rc;

use super::{
    Proof, SignedIn,
    code::{Given, check},
    enrollment,
    sign_in::begin_session,
};
use crate::{
    context::Context,
    error::{Result, SecondFactorError},
    event::Actor,
    second_factor::{Code, FactorName, RecoveryCode, repo},
    tenant::{Tenant, TenantDb},
    token::ChallengeToken,
    version_cache::{Change, Effect},
};

/// Signs in the user of a challenge with a code.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] if the challenge is invalid, answered or expired, or had too many wrong codes.
/// [`SecondFactorError::InvalidCode`] if the code is wrong or was used before. [`crate::Error::TooManyAttempts`] after too many
/// failures.
pub async fn answer(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    code: &Code,
    actor: &Actor,
) -> Result<SignedIn> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find_challenge(&database, &token.hash(), now).await?;
    let challenge = found.ok_or(SecondFactorError::InvalidChallenge)?;
    let user = challenge.holder.user.id;
    let codes = enrollment::new_recovery_codes(context);
    let publication = Change::begin(context);
    let given = Given {
        holder: &challenge.holder,
        challenge: Some(challenge.id),
        session: None,
        is_enrollment: challenge.needs_enrollment,
        recovery_codes: &codes,
        code,
    };
    let accepted =
        check(context, tenant, &given, actor).await?.ok_or(SecondFactorError::InvalidCode)?;
    for session in accepted.ended {
        publication.session_tombstone(tenant.id, session).await;
    }
    // The caller did not request the end of these sessions, so the response does not wait for it.
    let _: Effect = publication.finish().await;
    let shown = accepted.has_new_codes.then(|| codes.iter().map(RecoveryCode::expose).collect());
    let actor = Actor::user(user, actor.origin().clone());
    let proof = Proof::TwoFactors;
    let database = TenantDb::connect(context, tenant).await?;
    let holder = challenge.holder.user;
    let signed_in = begin_session(context, tenant, &database, holder, proof, &actor).await?;
    Ok(signed_in.with_recovery_codes(shown))
}

/// Begins the enrolment that a sign-in needs.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`] as for [`answer`], or if the challenge needs no enrolment.
pub async fn enroll(
    context: &Rc<Context>,
    tenant: &Tenant,
    token: &ChallengeToken,
    name: &FactorName,
) -> Result<enrollment::Begun> {
    let now = context.platform.clock.now();
    let database = TenantDb::connect(context, tenant).await?;
    let found = repo::find_challenge(&database, &token.hash(), now).await?;
    let challenge = found.filter(|challenge| challenge.needs_enrollment);
    let challenge = challenge.ok_or(SecondFactorError::InvalidChallenge)?;
    enrollment::begin(context, tenant, &database, &challenge.holder.user, name).await
}
