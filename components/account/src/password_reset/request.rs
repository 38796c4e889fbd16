//! `POST /api/v1/account/password-reset`

use http::StatusCode;
use serde::Serialize;
use tenancy::{Result, event::Actor, identifier::EmailAddress, mail::template::Language, session};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The account of a forgotten password.
    #[derive(ToSchema)]
    #[schema(as = PasswordRecoveryRequest)]
    struct Request {
        email: EmailAddress,
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The response to a request for a new password.
#[derive(Serialize, ToSchema)]
struct PasswordRecovery {
    /// The seconds for which the link in the message is valid, if a message is sent.
    expires_in: i64,
}

web::endpoint! {
    /// Sends a link for a new password to the e-mail address of a user.
    ///
    /// The response is the same whether the account exists or not. The request changes nothing: the password, the
    /// sessions and earlier links stay valid. A user has at most three valid links, and gets at most five messages in an
    /// hour.
    ENDPOINT: POST "/api/v1/account/password-reset" => handler,
    access: Public,
    operation_id: "requestPasswordReset",
    problems: [(409, &["mail_not_configured"])],
    openapi: (
        params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
                description = "The slug of the tenant. Required if neither the host nor the path names the tenant.")),
        tag = "Accounts",
        request_body = Request,
        responses((status = 202, description = "A link is sent if the account exists.", body = PasswordRecovery)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { email, language } = call.json().await?;
    let target = call.sign_in_target(Means::Address).await?;
    let actor = Actor::anonymous(call.origin());
    let expires_in = session::request_recovery(&context, target, &email, language, &actor).await?;
    Ok(Response::json(StatusCode::ACCEPTED, &PasswordRecovery { expires_in }))
}
