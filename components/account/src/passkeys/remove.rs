//! `DELETE /api/v1/account/passkeys/{id}`

use http::StatusCode;
use tenancy::{Result, error::PasskeyError, session::passkey};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Removes a passkey of the caller. The recovery codes are removed with the last second factor.
    ///
    /// The sign-in must be at most ten minutes old.
    ENDPOINT: DELETE "/api/v1/account/passkeys/{id}" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "removePasskey",
    problems: [(404, &["passkey_not_found"])],
    openapi: (
        tag = "Passkeys",
        params(("id" = Uuid, Path, description = "The id of the passkey.")),
        responses((status = 204, description = "The passkey is removed.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Uuid = member.call().parameter("id").map_err(|_| PasskeyError::NotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    passkey::remove(context, tenant, member.user()?.sub, id, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
