//! `GET /api/v1/account/tenants`

use serde::Serialize;
use tenancy::{Result, session, verified_address::PersonTenant};
use utoipa::ToSchema;
use web::{Member, Response};

/// The tenants to which the caller can switch.
#[derive(Serialize, ToSchema)]
struct SwitchTargets {
    /// The tenants, by name. At most 100.
    tenants: Vec<PersonTenant>,
}

web::endpoint! {
    /// Lists the tenants to which the caller can switch without a new sign-in.
    ///
    /// These are the active tenants in which an active user has the caller's verified address, if both tenants name each
    /// other in `PUT /api/v1/tenant/switching`.
    ENDPOINT: GET "/api/v1/account/tenants" => handler,
    access: User(ProfileRead),
    operation_id: "listSwitchTargets",
    problems: [(409, &["address_not_verified"])],
    openapi: (
        tag = "Accounts",
        responses((status = 200, description = "The tenants.", body = SwitchTargets)),
    ),
}

async fn handler(member: Member) -> Result<Response> {
    let (context, tenant) = (member.context(), member.tenant());
    let tenants = session::list_switch_targets(context, tenant, member.user()?.sub).await?;
    Ok(Response::ok(&SwitchTargets { tenants }))
}
