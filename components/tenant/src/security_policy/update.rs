//! `PATCH /api/v1/tenant/security-policy`

use tenancy::{
    Result,
    input::Patch,
    networks::Networks,
    security_policy::{self, PolicyChange, PolicyRoles, SecurityPolicy},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// A change of the rules for sign-ins. Absent fields stay unchanged, and null restores the rule of the service.
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
        /// The minutes after which a session ends if it is not refreshed.
        #[schema(value_type = Option<u32>, minimum = 5, maximum = 525_600)]
        session_idle_minutes: Patch<u32>,
        /// The minutes after which a session cannot be refreshed any longer.
        #[schema(value_type = Option<u32>, minimum = 5, maximum = 525_600)]
        session_lifetime_minutes: Patch<u32>,
        /// The maximum number of sessions of a user. The oldest one ends when another one begins.
        #[schema(value_type = Option<u32>, minimum = 1, maximum = 50)]
        max_sessions: Patch<u32>,
        /// The networks in which users sign in and refresh sessions. They must include your own address.
        #[schema(value_type = Option<Networks>)]
        allowed_networks: Patch<Networks>,
        /// The minimum length of a new password in characters.
        #[schema(value_type = Option<u32>, minimum = 8, maximum = 128)]
        password_min_length: Patch<u32>,
    }
}

web::endpoint! {
    /// Changes the rules of the tenant for sign-ins, sessions and passwords.
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
    let change = PolicyChange {
        second_factor_roles: request.second_factor_roles,
        second_factor_grace_days: request.second_factor_grace_days,
        recent_sign_in_minutes: request.recent_sign_in_minutes,
        session_idle_minutes: request.session_idle_minutes,
        session_lifetime_minutes: request.session_lifetime_minutes,
        max_sessions: request.max_sessions,
        allowed_networks: request.allowed_networks,
        password_min_length: request.password_min_length,
    };
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    Ok(Response::ok(&security_policy::change(context, tenant, &change, &actor).await?))
}
