//! `POST /api/v1/account/address`

use http::StatusCode;
use serde::Serialize;
use tenancy::{
    Result,
    identifier::EmailAddress,
    mail::template::Language,
    user::address::{self, Caller},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A request for another address.
    #[derive(ToSchema)]
    #[schema(as = AddressChangeRequest)]
    struct Request {
        new_email: EmailAddress,
        /// The language of the message. The default is that of the tenant.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The response to a request for another address.
#[derive(Serialize, ToSchema)]
struct AddressChange {
    /// The seconds for which the link in the message is valid, if a message is sent.
    expires_in: i64,
}

web::endpoint! {
    /// Sends a link to a new e-mail address of the caller, which gives the caller this address.
    ///
    /// Nothing changes until the link is used. The response is the same if another user has the address. The sign-in must
    /// be at most ten minutes old.
    ENDPOINT: POST "/api/v1/account/address" => handler,
    access: User(ProfileWrite),
    options: [recent_sign_in()],
    operation_id: "requestAddressChange",
    problems: [(409, &["mail_not_configured", "too_many_address_changes"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 202, description = "A link is sent if no other user has the address.", body = AddressChange)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { new_email, language } = member.call().json().await?;
    let caller = member.user().map(|claims| Caller { user: claims.sub, session: claims.sid })?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let expires_in =
        address::request(context, tenant, caller, &new_email, language, &actor).await?;
    Ok(Response::json(StatusCode::ACCEPTED, &AddressChange { expires_in }))
}
