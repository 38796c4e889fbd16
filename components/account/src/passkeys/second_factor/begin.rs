//! `POST /api/v1/account/passkeys/second-factor`

use tenancy::{Result, passkey::RequestOptions, session::passkey};
use web::{Call, Response};

use super::{Request, find};

web::endpoint! {
    /// Begins the second step of a sign-in with a passkey. The response has the options for
    /// `navigator.credentials.get()`.
    ENDPOINT: POST "/api/v1/account/passkeys/second-factor" => handler,
    access: Public,
    operation_id: "beginPasskeySecondFactor",
    problems: [
        (401, &["invalid_challenge"]),
        (404, &["passkey_not_found"]),
        (409, &["passkeys_not_configured"]),
    ],
    openapi: (
        tag = "Passkeys",
        request_body = Request,
        responses((status = 200, description = "The options.", body = RequestOptions)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let (token, tenant) = find(&mut call).await?;
    Ok(Response::ok(&passkey::begin_answer(&context, &tenant, &token).await?))
}
