//! `POST /api/v1/account/sign-in`

use http::StatusCode;
use serde::Serialize;
use tenancy::{
    Result,
    event::Actor,
    identifier::EmailAddress,
    mail::template::Language,
    session::{self, RequestedSignIn},
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The account of a sign-in by mail.
    #[derive(ToSchema)]
    #[schema(as = MailedSignInRequest)]
    struct Request {
        email: EmailAddress,
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The response to a request for a sign-in by mail.
#[derive(Serialize, ToSchema)]
struct MailedSignIn {
    /// The token of this request. Keep it in the browser: the code in the message is valid only with it.
    request: String,
    /// The seconds for which the link and the code in the message are valid, if a message is sent.
    expires_in: i64,
}

web::endpoint! {
    /// Sends a link and a code to the e-mail address of a user, to sign in without a password.
    ///
    /// The rules of the tenant must allow it (`mailed_sign_in`). The response is the same whether the account exists or
    /// not, and the request changes nothing. For requests from the user's own networks, a user has at most three valid
    /// links and gets at most five messages in an hour. All other requests together have the same limits.
    ENDPOINT: POST "/api/v1/account/sign-in" => handler,
    access: Public,
    operation_id: "requestSignIn",
    problems: [(409, &["mail_not_configured", "mailed_sign_in_disabled"])],
    openapi: (
        params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
                description = "The slug of the tenant. Required if neither the host nor the path names the tenant.")),
        tag = "Accounts",
        request_body = Request,
        responses((status = 202, description = "A message is sent if the account exists.", body = MailedSignIn)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    // Rejects an unreadable tenant address before reading the body.
    call.addressing()?;
    let Request { email, language } = call.json().await?;
    let target = call.sign_in_target(Means::Address).await?;
    let actor = Actor::anonymous(call.origin());
    let RequestedSignIn { request, expires_in } =
        session::request_mailed_sign_in(&context, target, &email, language, &actor).await?;
    let response = MailedSignIn { request: request.expose(), expires_in };
    Ok(Response::json(StatusCode::ACCEPTED, &response))
}
