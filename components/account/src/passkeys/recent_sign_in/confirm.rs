//! `POST /api/v1/account/passkeys/recent-sign-in/confirm`

use http::StatusCode;
use tenancy::{
    Result,
    passkey::{Assertion, AuthenticationResponse},
    session::passkey,
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A new proof of identity with a passkey.
    #[derive(ToSchema)]
    #[schema(as = PasskeyProof)]
    struct Request {
        #[schema(value_type = AuthenticationResponse)]
        credential: Assertion,
    }
}

web::endpoint! {
    /// Proves the identity of the caller again with the result of `navigator.credentials.get()`, for changes that need a
    /// recent sign-in.
    ENDPOINT: POST "/api/v1/account/passkeys/recent-sign-in/confirm" => handler,
    access: User(ProfileWrite),
    options: [unmetered()],
    operation_id: "confirmPasskeyProof",
    problems: [(409, &["passkeys_not_configured"]), (429, &["too_many_attempts"])],
    openapi: (
        tag = "Passkeys",
        request_body = Request,
        responses((status = 204, description = "The session has a recent proof of identity.")),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { credential } = member.call().json().await?;
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    passkey::prove(context, tenant, session, &credential, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
