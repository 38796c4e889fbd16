//! `POST /api/v1/account/verification`

use http::StatusCode;
use serde::Serialize;
use tenancy::{
    Result,
    mail::template::Language,
    user::verification::{self, Requested},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A request to verify the own address.
    #[derive(ToSchema)]
    #[schema(as = VerificationRequest)]
    struct Request {
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The response to a request to verify the own address.
#[derive(Serialize, ToSchema)]
struct RequestedVerification {
    /// Whether a message is sent. It is not sent if the address is verified, if the user has three valid links, or after
    /// five messages in an hour.
    is_mailed: bool,
    /// The seconds for which the link in the message is valid.
    expires_in: i64,
}

web::endpoint! {
    /// Sends a link that verifies the caller's e-mail address to this address.
    ENDPOINT: POST "/api/v1/account/verification" => handler,
    access: User(ProfileWrite),
    operation_id: "requestVerification",
    problems: [(409, &["mail_not_configured"])],
    openapi: (
        tag = "Accounts",
        request_body = Option<Request>,
        responses((status = 202, description = "The message, if one is sent.", body = RequestedVerification)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { language } = member.call().json_or_empty().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let user = member.user()?.sub;
    let Requested { is_mailed, expires_in } =
        verification::request(context, tenant, user, language, &actor).await?;
    Ok(Response::json(StatusCode::ACCEPTED, &RequestedVerification { is_mailed, expires_in }))
}
