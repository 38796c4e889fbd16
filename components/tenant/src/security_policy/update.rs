//! `PATCH /api/v1/tenant/security-policy`

use tenancy::{
    Result,
    security_policy::{self, PolicyChange, SecurityPolicy},
};
use web::{Member, Response};

web::endpoint! {
    /// Changes the rules of the tenant for sign-ins, sessions and passwords.
    ///
    /// The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes
    /// old.
    ENDPOINT: PATCH "/api/v1/tenant/security-policy" => handler,
    access: User(UsersGrantAdmin),
    options: [recent_sign_in()],
    operation_id: "updateSecurityPolicy",
    openapi: (
        tag = "Tenant",
        request_body = PolicyChange,
        responses((status = 200, description = "The rules.", body = SecurityPolicy)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let change: PolicyChange = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    Ok(Response::ok(&security_policy::change(context, tenant, &change, &actor).await?))
}
