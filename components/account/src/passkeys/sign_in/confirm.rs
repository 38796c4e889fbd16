//! `POST /api/v1/account/passkeys/sign-in/confirm`

use tenancy::{
    Result,
    event::Actor,
    passkey::{Assertion, AuthenticationResponse},
    session::{SignedIn, passkey},
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The response of an authenticator.
    #[derive(ToSchema)]
    #[schema(as = PasskeyResponse)]
    struct Request {
        #[schema(value_type = AuthenticationResponse)]
        credential: Assertion,
    }
}

web::endpoint! {
    /// Signs a user in with the result of `navigator.credentials.get()`.
    ///
    /// A passkey is both factors. The response is the same for an unknown passkey, an invalid response, and an unknown,
    /// suspended or deleted tenant.
    ENDPOINT: POST "/api/v1/account/passkeys/sign-in/confirm" => handler,
    access: Public,
    operation_id: "confirmPasskeySignIn",
    problems: [
        (401, &["invalid_passkey"]),
        (403, &["network_not_allowed"]),
        (409, &["passkeys_not_configured"]),
        (429, &["too_many_attempts"]),
    ],
    openapi: (
        params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
                description = "The slug of the tenant. Required if neither the host nor the path names the tenant.")),
        tag = "Passkeys",
        request_body = Request,
        responses((status = 200, description = "The user is signed in.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { credential } = call.json().await?;
    let target = call.sign_in_target(Means::AddressForPasskey).await?;
    let subject = target.tenant.as_ref().map(|tenant| tenant.id);
    let actor = Actor::anonymous(call.origin());
    let signed_in = passkey::sign_in(&context, target, &credential, &actor).await?;
    if let Some(tenant) = subject {
        call.record().signed_in(tenant, signed_in.user_id());
    }
    Ok(Response::ok(&signed_in))
}
