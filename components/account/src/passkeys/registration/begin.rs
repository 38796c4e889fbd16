//! `POST /api/v1/account/passkeys/registration`

use tenancy::{Result, passkey::CreationOptions, session::passkey};
use web::{Member, Response};

web::endpoint! {
    /// Begins the registration of a passkey. The response has the options for `navigator.credentials.create()`.
    ///
    /// The sign-in must be at most ten minutes old. A user has at most ten passkeys.
    ENDPOINT: POST "/api/v1/account/passkeys/registration" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "beginPasskeyRegistration",
    problems: [(409, &["passkeys_not_configured", "too_many_passkeys"])],
    openapi: (
        tag = "Passkeys",
        responses((status = 200, description = "The options.", body = CreationOptions)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let options = passkey::begin_registration(member.context(), member.tenant(), session).await?;
    Ok(Response::ok(&options))
}
