//! `POST /api/v1/account/address/confirm`

use http::StatusCode;
use tenancy::{Result, error::AccountError, event::Actor, token::AddressToken, user::address};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The proof of control of a new address.
    #[derive(ToSchema)]
    #[schema(as = AddressChangeConfirmation)]
    struct Request {
        /// The token in the link of the message.
        token: String,
    }
}

web::endpoint! {
    /// Gives a user a new e-mail address with the token of a message. The address is verified.
    ///
    /// The session that asked for the change continues. The user's other sessions end, and so do all links that were sent
    /// to the former address. If the former address was verified, it gets a message with a link that objects to the change.
    ENDPOINT: POST "/api/v1/account/address/confirm" => handler,
    access: Public,
    options: [pending()],
    operation_id: "confirmAddressChange",
    problems: [(401, &["invalid_mailed_token"]), (409, &["mail_not_configured"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 204, description = "The user has the new address.")),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { token } = call.json().await?;
    let token = AddressToken::parse(&token).ok_or(AccountError::InvalidToken)?;
    let unknown = AccountError::InvalidToken;
    let tenant = call.tenant_of_token(token.tenant(), Means::MailedToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    let effect = address::confirm(&context, &tenant, &token, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
