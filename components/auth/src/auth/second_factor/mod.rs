//! `/api/v1/auth/second-factor`

pub mod answer;
pub mod enroll;

use tenancy::{Result, error::SecondFactorError, tenant::Tenant, token::ChallengeToken};
use web::{Call, Means};

/// Returns a challenge and its tenant, whose id is in the token.
///
/// # Errors
/// [`SecondFactorError::InvalidChallenge`], and the refusals of a request that addresses another tenant.
async fn find(call: &Call, challenge: &str) -> Result<(ChallengeToken, Tenant)> {
    const INVALID: SecondFactorError = SecondFactorError::InvalidChallenge;
    let token = ChallengeToken::parse(challenge).ok_or(INVALID)?;
    let tenant = call.tenant_of_token(token.tenant(), Means::Challenge, INVALID).await?;
    Ok((token, tenant))
}
