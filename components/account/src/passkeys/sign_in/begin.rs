//! `POST /api/v1/account/passkeys/sign-in`

use tenancy::{Result, event::Actor, passkey::RequestOptions, session::passkey};
use web::{Call, Means, Response};

web::endpoint! {
    /// Begins a sign-in with a passkey. The response has the options for `navigator.credentials.get()`.
    ///
    /// The person chooses an account in the browser. The response is the same for every account, and for an unknown
    /// tenant.
    ENDPOINT: POST "/api/v1/account/passkeys/sign-in" => handler,
    access: Public,
    operation_id: "beginPasskeySignIn",
    problems: [(409, &["passkeys_not_configured"])],
    openapi: (
        params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
                description = "The slug of the tenant. Required if neither the host nor the path names the tenant.")),
        tag = "Passkeys",
        responses((status = 200, description = "The options.", body = RequestOptions)),
    ),
}

async fn handler(call: Call) -> Result<Response> {
    let context = call.context()?;
    let target = call.sign_in_target(Means::AddressForPasskey).await?;
    let actor = Actor::anonymous(call.origin());
    Ok(Response::ok(&passkey::begin_sign_in(&context, target, &actor).await?))
}
