//! `POST /api/v1/account/passkeys/second-factor/confirm`

use tenancy::{
    Result,
    event::Actor,
    passkey::{Assertion, AuthenticationResponse},
    session::{SignedIn, passkey},
};
use utoipa::ToSchema;
use web::{Call, Response};

tenancy::fields! {
    /// The response of an authenticator in the second step of a sign-in.
    #[derive(ToSchema)]
    #[schema(as = PasskeyAnswer)]
    struct Request {
        /// The challenge of the sign-in.
        challenge: String,
        #[schema(value_type = AuthenticationResponse)]
        credential: Assertion,
    }
}

web::endpoint! {
    /// Continues a sign-in with the result of `navigator.credentials.get()`.
    ENDPOINT: POST "/api/v1/account/passkeys/second-factor/confirm" => handler,
    access: Public,
    operation_id: "confirmPasskeySecondFactor",
    problems: [
        (401, &["invalid_challenge", "invalid_passkey"]),
        (403, &["network_not_allowed"]),
        (409, &["passkeys_not_configured"]),
        (429, &["too_many_attempts"]),
    ],
    openapi: (
        tag = "Passkeys",
        request_body = Request,
        responses((status = 200, description = "The user is signed in.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { challenge, credential } = call.json().await?;
    let (token, tenant) = call.tenant_of_challenge(&challenge).await?;
    let actor = Actor::anonymous(call.origin());
    let signed_in = passkey::answer(&context, &tenant, &token, &credential, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
