//! `POST /api/v1/account/tenant-list/confirm`

use serde::Serialize;
use tenancy::{
    Result, error::AccountError, event::Actor, resolve, session::tenant_list,
    token::TenantListToken, verified_address::PersonTenant,
};
use utoipa::ToSchema;
use web::{Call, Means, Response};

tenancy::fields! {
    /// The proof of control of an address.
    #[derive(ToSchema)]
    #[schema(as = TenantListConfirmation)]
    struct Request {
        /// The token in the link of the message.
        token: String,
    }
}

/// The tenants of a person.
#[derive(Serialize, ToSchema)]
struct TenantList {
    /// The active tenants in which an active user has verified the address, by name. At most 100.
    tenants: Vec<PersonTenant>,
}

web::endpoint! {
    /// Lists the tenants of the address that received a token.
    ENDPOINT: POST "/api/v1/account/tenant-list/confirm" => handler,
    access: Public,
    operation_id: "confirmTenantList",
    problems: [(401, &["invalid_mailed_token"]), (409, &["mail_not_configured"])],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 200, description = "The tenants.", body = TenantList)),
    ),
}

async fn handler(mut call: Call) -> Result<Response> {
    let context = call.context()?;
    let Request { token } = call.json().await?;
    let token = TenantListToken::parse(&token).ok_or(AccountError::InvalidToken)?;
    // The address of the request is that of the service, not of the tenant whose outbox had the message.
    let tenant =
        resolve::by_id(&context, token.tenant()).await?.ok_or(AccountError::InvalidToken)?;
    call.record().concerns(tenant.id, Means::MailedToken);
    let actor = Actor::anonymous(call.origin());
    let tenants = tenant_list::confirm(&context, &tenant, &token, &actor).await?;
    Ok(Response::ok(&TenantList { tenants }))
}
