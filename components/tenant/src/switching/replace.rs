//! `PUT /api/v1/tenant/switching`

use tenancy::{
    Result,
    verified_address::switching::{self, OtherTenants, SwitchingTenants},
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// The tenants to name for switching.
    #[derive(ToSchema)]
    #[schema(as = SwitchingTenantsReplacement)]
    struct Request {
        /// The ids of the tenants. They need not exist.
        tenants: OtherTenants,
    }
}

web::endpoint! {
    /// Replaces the tenants between which people may switch without a new sign-in.
    ///
    /// Switching is possible if the other tenant also names this one. It trusts the sign-ins of the other tenant: name only
    /// tenants whose administrators you trust. The caller must be a user with the right to grant the role of
    /// administrators. The sign-in must be at most ten minutes old.
    ENDPOINT: PUT "/api/v1/tenant/switching" => handler,
    access: User(UsersGrantAdmin),
    options: [recent_sign_in()],
    operation_id: "replaceSwitchingTenants",
    openapi: (
        tag = "Tenant",
        request_body = Request,
        responses((status = 200, description = "The tenants.", body = SwitchingTenants)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { tenants } = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    Ok(Response::ok(&switching::replace(context, tenant, &tenants, &actor).await?))
}
