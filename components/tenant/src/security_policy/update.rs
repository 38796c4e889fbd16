//! `PATCH /api/v1/tenant/security-policy`

use tenancy::{
    Error, Result,
    input::Patch,
    second_factor::{PolicyChange, PolicyRoles, SecurityPolicy},
    session,
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A change of the rules for sign-ins. Absent fields stay unchanged.
    #[derive(ToSchema)]
    #[schema(as = SecurityPolicyChange)]
    struct Request {
        /// The roles whose users need a second factor.
        second_factor_roles: Option<PolicyRoles>,
        /// The days of grace after this change of the roles, or after the creation of a user.
        #[schema(maximum = 90)]
        second_factor_grace_days: Option<u32>,
        /// The minutes for which a sign-in allows destructive changes; null for the lifetime of the session.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 1440)]
        recent_sign_in_minutes: Patch<u32>,
    }
}

web::endpoint! {
    /// Changes the rules of the tenant for sign-ins.
    ///
    /// The caller must be a user who may grant the role of administrators, and whose sign-in is at most ten minutes old.
    ENDPOINT: PATCH "/api/v1/tenant/security-policy" => handler,
    access: User(UsersGrantAdmin),
    options: [recent_sign_in()],
    operation_id: "updateSecurityPolicy",
    openapi: (
        tag = "Tenant",
        request_body = Request,
        responses((status = 200, description = "The rules.", body = SecurityPolicy)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let request: Request = member.call().json().await?;
    if request.second_factor_grace_days.is_some_and(|days| days > 90) {
        return Err(Error::invalid_field("second_factor_grace_days", "must be at most 90"));
    }
    if matches!(request.recent_sign_in_minutes, Patch::Set(minutes) if !(1..=1_440).contains(&minutes))
    {
        return Err(Error::invalid_field("recent_sign_in_minutes", "must be from 1 to 1440"));
    }
    let change = PolicyChange {
        second_factor_roles: request.second_factor_roles,
        second_factor_grace_days: request.second_factor_grace_days,
        recent_sign_in_minutes: request.recent_sign_in_minutes,
    };
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    Ok(Response::ok(&session::change_policy(context, tenant, &change, &actor).await?))
}
