//! `POST /api/v1/account/passkeys/recent-sign-in`

use tenancy::{Result, passkey::RequestOptions, session::passkey};
use web::{Member, Response};

web::endpoint! {
    /// Begins a new proof of identity with a passkey. The response has the options for `navigator.credentials.get()`.
    ENDPOINT: POST "/api/v1/account/passkeys/recent-sign-in" => handler,
    access: User(ProfileWrite),
    options: [unmetered()],
    operation_id: "beginPasskeyProof",
    problems: [(404, &["passkey_not_found"]), (409, &["passkeys_not_configured"])],
    openapi: (
        tag = "Passkeys",
        responses((status = 200, description = "The options.", body = RequestOptions)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let options = passkey::begin_proof(member.context(), member.tenant(), session).await?;
    Ok(Response::ok(&options))
}
