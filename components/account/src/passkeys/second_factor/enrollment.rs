//! `POST /api/v1/account/passkeys/second-factor/enrollment`

use tenancy::{Result, passkey::CreationOptions, session::passkey};
use web::{Call, Response};

use super::{Request, find};

web::endpoint! {
    /// Begins the registration of the passkey that a sign-in needs as a second factor. The response has the options for
    /// `navigator.credentials.create()`.
    ENDPOINT: POST "/api/v1/account/passkeys/second-factor/enrollment" => handler,
    access: Public,
    operation_id: "beginPasskeyEnrollment",
    problems: [
        (401, &["invalid_challenge"]),
        (409, &["passkeys_not_configured", "too_many_passkeys"]),
    ],
    openapi: (
        tag = "Passkeys",
        request_body = Request,
        responses((status = 200, description = "The options.", body = CreationOptions)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let (token, tenant) = find(&mut call).await?;
    Ok(Response::ok(&passkey::begin_enrollment(&context, &tenant, &token).await?))
}
