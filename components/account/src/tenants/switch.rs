//! `POST /api/v1/account/tenants/switch`

use tenancy::{
    Result,
    session::{self, SignedIn},
};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Member, Response};

tenancy::fields! {
    /// A switch to another tenant.
    #[derive(ToSchema)]
    #[schema(as = TenantSwitch)]
    struct Request {
        /// The id of the other tenant.
        tenant: Uuid,
    }
}

web::endpoint! {
    /// Starts a session in another tenant in which the caller has a user with the same verified address.
    ///
    /// Both tenants must name each other in `PUT /api/v1/tenant/switching`. The rules of the other tenant apply: if the user
    /// needs a second factor there, the response is a challenge. The session is no recent sign-in. The caller's own session
    /// continues.
    ENDPOINT: POST "/api/v1/account/tenants/switch" => handler,
    access: User(ProfileWrite),
    options: [pending()],
    operation_id: "switchTenant",
    problems: [
        (401, &["second_factor_required", "second_factor_enrollment_required"]),
        (403, &["switching_not_allowed", "network_not_allowed"]),
        (409, &["address_not_verified"]),
    ],
    openapi: (
        tag = "Accounts",
        request_body = Request,
        responses((status = 200, description = "The session in the other tenant.", body = SignedIn)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Request { tenant: other } = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let user = member.user()?.sub;
    Ok(Response::ok(&session::switch(context, tenant, user, other, &actor).await?))
}
