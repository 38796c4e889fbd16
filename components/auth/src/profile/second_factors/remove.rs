//! `DELETE /api/v1/profile/second-factors/{id}`

use http::StatusCode;
use tenancy::{Result, error::SecondFactorError, session};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Removes a second factor of the caller. The recovery codes are removed with the last one.
    ///
    /// The sign-in must be at most ten minutes old.
    ENDPOINT: DELETE "/api/v1/profile/second-factors/{id}" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "removeSecondFactor",
    problems: [(404, &["second_factor_not_found"])],
    openapi: (
        tag = "Second factors",
        params(("id" = Uuid, Path, description = "The id of the factor.")),
        responses((status = 204, description = "The factor is removed.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| SecondFactorError::NotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    session::remove_factor(context, tenant, member.user()?.sub, id, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
