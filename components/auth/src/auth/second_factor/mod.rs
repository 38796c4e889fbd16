//! `/api/v1/auth/second-factor`

pub mod answer;
pub mod enroll;

use tenancy::{
    Context, Result, error::SecondFactorError, resolve, tenant::Tenant, token::ChallengeToken,
};
use web::{Call, Means};

/// Returns a challenge and its tenant, whose id is in the token.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`], and the refusals of a request that addresses another tenant.
async fn find(context: &Context, call: &Call, challenge: &str) -> Result<(ChallengeToken, Tenant)> {
    const INVALID: SecondFactorError = SecondFactorError::InvalidChallenge;
    let token = ChallengeToken::parse(challenge).ok_or(INVALID)?;
    let tenant = resolve::by_id(context, token.tenant()).await?.ok_or(INVALID)?;
    call.record().concerns(tenant.id, Means::Challenge);
    resolve::agree(context, &call.addressing()?, &tenant).await?;
    Ok((token, tenant))
}
