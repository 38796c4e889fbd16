//! `PATCH /api/v1/tenant/mail-settings`

use tenancy::{
    Result,
    mail::settings::{self, MailSettings, SettingsChange},
};
use web::{Member, Response};

web::endpoint! {
    /// Changes how messages to users look, and where their links lead.
    ///
    /// The links contain tokens that set passwords. So the receiving page must be on the origin of `PUBLIC_URL`, on the
    /// tenant's subdomain, or on one of its domains. The caller must be a user with the right to grant the role of
    /// administrators. The sign-in must be at most ten minutes old.
    ENDPOINT: PATCH "/api/v1/tenant/mail-settings" => handler,
    access: User(UsersGrantAdmin),
    options: [recent_sign_in()],
    operation_id: "updateMailSettings",
    openapi: (
        tag = "Tenant",
        request_body = SettingsChange,
        responses((status = 200, description = "The settings.", body = MailSettings)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let change: SettingsChange = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    Ok(Response::ok(&settings::change(context, tenant, &change, &actor).await?))
}
