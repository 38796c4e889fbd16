//! The challenge of a sign-in that needs a second factor.

use chrono::TimeDelta;

use crate::{
    context::Context,
    error::{PendingSignIn, Result, SecondFactorError},
    second_factor::repo::{self, NewChallenge},
    secret::Secret,
    tenant::{Tenant, TenantDb},
    token::ChallengeToken,
    user::{User, repo::credentials::NeededFactor},
};

/// How long a challenge can be answered.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// Begins a challenge if a sign-in needs a second factor.
///
/// # Errors
/// [`SecondFactorError::Required`] with the challenge.
pub(super) async fn ask_for_second_factor(
    context: &Context,
    tenant: &Tenant,
    database: &TenantDb,
    user: &User,
    needed: NeededFactor,
) -> Result<()> {
    let (needs_enrollment, factors) = match needed {
        NeededFactor::None => return Ok(()),
        NeededFactor::Factor(owned) => (false, owned.names()),
        NeededFactor::Enrollment => (true, Vec::new()),
    };
    let now = context.platform.clock.now();
    let token = ChallengeToken::generate(tenant.id, &*context.platform.random);
    let challenge = NewChallenge {
        id: context.platform.random.uuid(now),
        user,
        token_hash: token.hash(),
        needs_enrollment,
        expires_at: now + LIFETIME,
    };
    repo::insert_challenge(database, &challenge).await?;
    Err(SecondFactorError::Required(Box::new(PendingSignIn {
        challenge: Secret::from(token.expose()),
        expires_in: LIFETIME.num_seconds(),
        needs_enrollment,
        factors,
    }))
    .into())
}
