//! `POST /api/v1/account/address/object`

use http::StatusCode;
use serde::Serialize;
use tenancy::{Result, error::AccountError, event::Actor, token::ObjectionToken, user::address};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// An objection to a change of the address.
    #[derive(ToSchema)]
    #[schema(as = AddressObjection)]
    struct Request {
        /// The token in the link of the message to the former address.
        token: String,
    }
}

/// The response to an objection.
#[derive(Serialize, ToSchema)]
struct RestoredAddress {
    /// The seconds for which the link for a new password is valid, which is sent to the restored address.
    expires_in: i64,
}

web::endpoint! {
    /// Restores the former e-mail address of a user with the token of a message.
    ///
    /// The user's sessions, tokens and password end. A message to the restored address has a link for a new password. The
    /// second factors stay.
    ENDPOINT: POST "/api/v1/account/address/object" => handler,
    access: Public,
    options: [pending()],
    operation_id: "objectToAddressChange",
    problems: [(401, &["invalid_mailed_token"]), (409, &["mail_not_configured", "email_taken"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 200, description = "The user has the former address.", body = RestoredAddress)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { token } = call.json().await?;
    let token = ObjectionToken::parse(&token).ok_or(AccountError::InvalidToken)?;
    let unknown = AccountError::InvalidToken;
    let tenant = call.tenant_of_token(token.tenant(), Means::MailedToken, unknown).await?;
    let actor = Actor::anonymous(call.origin());
    let changed = address::object(&context, &tenant, &token, &actor).await?;
    let restored = RestoredAddress { expires_in: changed.value };
    Ok(Response::json(StatusCode::OK, &restored).with_effect(changed.effect))
}
