//! `POST /api/v1/account/password-reset/confirm`

use tenancy::{
    Result,
    credential::NewPassword,
    error::AccountError,
    event::Actor,
    session::{self, SignedIn},
    token::RecoveryToken,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// A new password for a forgotten one.
    #[derive(ToSchema)]
    #[schema(as = PasswordRecoveryConfirmation)]
    struct Request {
        /// The token in the link of the message.
        token: String,
        new_password: NewPassword,
    }
}

web::endpoint! {
    /// Sets a new password with the token of a message, and signs the user in.
    ///
    /// The user's sessions and other tokens end, and the address is verified. If the user has a second factor, the
    /// password is set and the response is a challenge.
    ENDPOINT: POST "/api/v1/account/password-reset/confirm" => handler,
    access: Public,
    options: [pending()],
    operation_id: "confirmPasswordReset",
    problems: [
        (401, &["invalid_mailed_token", "second_factor_required", "second_factor_enrollment_required"]),
        (403, &["network_not_allowed"]),
        (409, &["mail_not_configured"]),
    ],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 200, description = "The password is set.", body = SignedIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { token, new_password } = call.json().await?;
    let token = RecoveryToken::parse(&token).ok_or(AccountError::InvalidToken)?;
    let unknown = AccountError::InvalidToken;
    let tenant = call.tenant_of_token(token.tenant(), Means::MailedToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    let changed =
        session::confirm_recovery(&context, &tenant, &token, new_password, &actor).await?;
    call.record().signed_in(tenant.id, changed.value.user_id());
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
