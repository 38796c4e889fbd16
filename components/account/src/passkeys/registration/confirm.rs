//! `POST /api/v1/account/passkeys/registration/confirm`

use tenancy::{
    Result,
    passkey::{NewCredential, RegistrationResponse},
    second_factor::FactorName,
    session::passkey::{self, Registration},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A passkey to register.
    #[derive(ToSchema)]
    #[schema(as = NewPasskey)]
    struct Request {
        #[schema(value_type = RegistrationResponse)]
        credential: NewCredential,
        /// The name of the passkey.
        name: FactorName = FactorName::of_passkey(),
    }
}

web::endpoint! {
    /// Registers a passkey with the result of `navigator.credentials.create()`.
    ///
    /// The response to the first second factor contains recovery codes, which are shown only once. The caller's other
    /// sessions without a second factor end.
    ENDPOINT: POST "/api/v1/account/passkeys/registration/confirm" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in(), pending()],
    operation_id: "confirmPasskeyRegistration",
    problems: [(409, &["passkeys_not_configured", "too_many_passkeys", "passkey_taken"])],
    openapi: (
        tag = "Passkeys",
        request_body = Request,
        responses((status = 200, description = "The passkey is registered.", body = Registration)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { credential, name } = member.call().json().await?;
    let session = member.user().map(|claims| (claims.sub, claims.sid))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed =
        passkey::confirm_registration(context, tenant, session, &credential, &name, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
