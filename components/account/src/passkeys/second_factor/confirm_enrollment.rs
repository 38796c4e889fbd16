//! `POST /api/v1/account/passkeys/second-factor/enrollment/confirm`

use tenancy::{
    Result,
    event::Actor,
    passkey::{NewCredential, RegistrationResponse},
    second_factor::FactorName,
    session::{SignedIn, passkey},
};
use utoipa::ToSchema;
use web::{Call, Response};

tenancy::fields! {
    /// The passkey that a sign-in needs.
    #[derive(ToSchema)]
    #[schema(as = PasskeyEnrollment)]
    struct Request {
        /// The challenge of the sign-in.
        challenge: String,
        #[schema(value_type = RegistrationResponse)]
        credential: NewCredential,
        /// The name of the passkey.
        name: FactorName = FactorName::of_passkey(),
    }
}

web::endpoint! {
    /// Registers the passkey that a sign-in needs, and signs the user in. The response contains recovery codes.
    ENDPOINT: POST "/api/v1/account/passkeys/second-factor/enrollment/confirm" => handler,
    access: Public,
    operation_id: "confirmPasskeyEnrollment",
    problems: [
        (401, &["invalid_challenge"]),
        (403, &["network_not_allowed"]),
        (409, &["passkeys_not_configured", "too_many_passkeys", "passkey_taken"]),
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
    let Request { challenge, credential, name } = call.json().await?;
    let (token, tenant) = call.tenant_of_challenge(&challenge).await?;
    let actor = Actor::anonymous(call.origin());
    let signed_in =
        passkey::confirm_enrollment(&context, &tenant, &token, &credential, &name, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
