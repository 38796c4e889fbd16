//! `POST /api/v1/account/tenant-list`

use http::StatusCode;
use serde::Serialize;
use tenancy::{
    Result, event::Actor, identifier::EmailAddress, mail::template::Language, session::tenant_list,
};
use utoipa::ToSchema;
use web::{Call, Response};

tenancy::fields! {
    /// The address of a person.
    #[derive(ToSchema)]
    #[schema(as = TenantListRequest)]
    struct Request {
        email: EmailAddress,
        /// The language of the message. The default is that of a tenant of the person.
        #[schema(value_type = Option<Language>)]
        language: Option<Language>,
    }
}

/// The response to a request for the tenants of an address.
#[derive(Serialize, ToSchema)]
struct RequestedTenantList {
    /// The seconds for which the link in the message is valid, if a message is sent.
    expires_in: i64,
}

web::endpoint! {
    /// Sends a link to an address, whose page lists the tenants in which the address has an account.
    ///
    /// The response is the same whether there is such an account or not. Only accounts with a verified address count. The
    /// request addresses no tenant.
    ENDPOINT: POST "/api/v1/account/tenant-list" => handler,
    access: Public,
    operation_id: "requestTenantList",
    problems: [(409, &["mail_not_configured"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 202, description = "A link is sent if an account has the address.", body = RequestedTenantList)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let Request { email, language } = call.json().await?;
    let actor = Actor::anonymous(call.origin());
    let expires_in = tenant_list::request(&context, &email, language, &actor).await?;
    Ok(Response::json(StatusCode::ACCEPTED, &RequestedTenantList { expires_in }))
}
