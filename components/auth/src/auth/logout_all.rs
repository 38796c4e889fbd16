//! `POST /api/v1/auth/logout-all`

use http::StatusCode;
use tenancy::{Result, session};
use web::{Member, Response};

web::endpoint! {
    /// Ends all sessions of the caller, on all devices.
    ENDPOINT: POST "/api/v1/auth/logout-all" => handler,
    access: User(ProfileWrite),
    options: [unmetered(), pending()],
    operation_id: "logoutEverywhere",
    openapi: (
        tag = "Signing in",
        responses((status = 204, description = "All sessions have ended.")),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let user = member.user()?.sub;
    let effect =
        session::log_out_everywhere(member.context(), member.tenant(), user, &member.actor())
            .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
