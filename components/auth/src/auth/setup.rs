//! `POST /api/v1/auth/setup`

use tenancy::{
    Error, Result,
    credential::NewPassword,
    event::Actor,
    session::{self, SignedIn},
    token::SetupToken,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The first password of a user.
    #[derive(ToSchema)]
    #[schema(as = Setup)]
    struct Request {
        setup_token: String,
        password: NewPassword,
    }
}

web::endpoint! {
    /// Sets the password of a user with a setup token, and signs the user in.
    ///
    /// If the user has a second factor, the password is set and the response is a challenge.
    ENDPOINT: POST "/api/v1/auth/setup" => handler,
    access: Public,
    options: [pending()],
    operation_id: "setUpPassword",
    problems: [(403, &["network_not_allowed"]), (401, &["invalid_setup_token", "second_factor_required", "second_factor_enrollment_required"]), (429, &["too_many_attempts"])],
    openapi: (
        tag = "Signing in",
        request_body = Request,
        responses((status = 200, description = "The password is set.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let request: Request = call.json().await?;
    let token = SetupToken::parse(&request.setup_token).ok_or(Error::InvalidSetupToken)?;
    let unknown = Error::InvalidSetupToken;
    let tenant = call.tenant_of_token(token.tenant(), Means::SetupToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    let changed = session::set_up(&context, &tenant, &token, request.password, &actor).await?;
    call.record().signed_in(tenant.id, changed.value.user_id());
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
