//! `GET /api/v1/tenant/mail-settings`

use tenancy::{
    Result,
    mail::settings::{self, MailSettings},
};
use web::{Member, Response};

web::endpoint! {
    /// Returns how messages to users look, and where their links lead.
    ENDPOINT: GET "/api/v1/tenant/mail-settings" => handler,
    access: Member(TenantRead),
    operation_id: "getMailSettings",
    openapi: (
        tag = "Tenant",
        responses((status = 200, description = "The settings.", body = MailSettings)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    Ok(Response::ok(&settings::get(member.context(), member.tenant()).await?))
}
