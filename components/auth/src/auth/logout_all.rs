//! `POST /api/v1/auth/logout-all`

use http::StatusCode;
use tenancy::{Result, session};
use web::{Member, Response};

/// Ends all sessions of the caller, on all devices.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout-all",
    tag = "Signing in",
    responses((status = 204, description = "All sessions have ended.")),
)]
pub async fn handler(member: Member) -> Result<Response> {
    let user = member.user()?.sub;
    let effect =
        session::log_out_everywhere(member.context(), member.tenant(), user, &member.actor())
            .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
