//! `POST /api/v1/profile/recovery-codes`

use serde::Serialize;
use tenancy::{Result, session};
use utoipa::ToSchema;
use web::{Member, Response};

/// The recovery codes of a user.
#[derive(Serialize, ToSchema)]
struct RecoveryCodes {
    /// The codes. Only this response contains them.
    recovery_codes: Vec<String>,
}

web::endpoint! {
    /// Replaces the caller's recovery codes. The former ones become invalid.
    ///
    /// The sign-in must be at most ten minutes old.
    ENDPOINT: POST "/api/v1/profile/recovery-codes" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "replaceRecoveryCodes",
    problems: [(404, &["second_factor_not_found"])],
    openapi: (
        tag = "Second factors",
        responses((status = 200, description = "The new codes.", body = RecoveryCodes)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let user = member.user()?.sub;
    let recovery_codes = session::replace_recovery_codes(context, tenant, user, &actor).await?;
    Ok(Response::ok(&RecoveryCodes { recovery_codes }))
}
