//! `POST /api/v1/account/verification/confirm`

use http::StatusCode;
use tenancy::{
    Result, error::AccountError, event::Actor, token::VerificationToken, user::verification,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The proof of control of an address.
    #[derive(ToSchema)]
    #[schema(as = VerificationConfirmation)]
    struct Request {
        /// The token in the link of the message.
        token: String,
    }
}

web::endpoint! {
    /// Verifies the e-mail address of a user with the token of a message.
    ENDPOINT: POST "/api/v1/account/verification/confirm" => handler,
    access: Public,
    operation_id: "confirmVerification",
    problems: [(401, &["invalid_mailed_token"]), (409, &["mail_not_configured"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 204, description = "The address is verified.")),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { token } = call.json().await?;
    let token = VerificationToken::parse(&token).ok_or(AccountError::InvalidToken)?;
    let unknown = AccountError::InvalidToken;
    let tenant = call.tenant_of_token(token.tenant(), Means::MailedToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    verification::confirm(&context, &tenant, &token, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
