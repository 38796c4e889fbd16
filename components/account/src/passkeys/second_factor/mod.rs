//! `/api/v1/account/passkeys/second-factor`

pub mod begin;
pub mod confirm;
pub mod confirm_enrollment;
pub mod enrollment;

use tenancy::{Result, tenant::Tenant, token::ChallengeToken};
use utoipa::ToSchema;
use web::Call;

tenancy::fields! {
    /// A sign-in that waits for its second factor.
    #[derive(ToSchema)]
    #[schema(as = PasskeySecondFactor)]
    struct Request {
        /// The challenge of the sign-in.
        challenge: String,
    }
}

/// Returns the challenge of the body, which has no other fields, and its tenant.
async fn find(call: &mut Call) -> Result<(ChallengeToken, Tenant)> {
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { challenge } = call.json().await?;
    call.tenant_of_challenge(&challenge).await
}
