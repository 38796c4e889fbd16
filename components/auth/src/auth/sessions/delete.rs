//! `DELETE /api/v1/auth/sessions/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    session::{self, End},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Ends one session of the caller.
    ENDPOINT: DELETE "/api/v1/auth/sessions/{id}" => handler,
    access: User(ProfileWrite),
    options: [unmetered(), pending()],
    operation_id: "endSession",
    problems: [(404, &["session_not_found"])],
    openapi: (
        tag = "Signing in",
        params(("id" = Uuid, Path, description = "The id of the session.")),
        responses((status = 204, description = "The session has ended.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let session: Uuid = member.call().parameter("id").map_err(|_| Error::SessionNotFound)?;
    let user = Some(member.user()?.sub);
    let actor = member.actor();
    let effect =
        session::log_out(member.context(), member.tenant(), user, session, End::Logout, &actor)
            .await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
