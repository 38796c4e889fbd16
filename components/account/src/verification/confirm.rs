//! `POST /api/v1/account/verification/confirm`

use http::StatusCode;
use tenancy::{Error, Result, event::Actor, resolve, token::VerificationToken, user::verification};
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
    let addressing = call.addressing()?;
    let Request { token } = call.json().await?;
    let token = VerificationToken::parse(&token).ok_or(Error::InvalidMailedToken)?;
    // The token contains the id of its tenant.
    let tenant =
        resolve::by_id(&context, token.tenant()).await?.ok_or(Error::InvalidMailedToken)?;
    call.record().concerns(tenant.id, Means::MailedToken);
    resolve::agree(&context, &addressing, &tenant).await?;
    let actor = Actor::anonymous(call.origin());
    verification::confirm(&context, &tenant, &token, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
