//! `POST /api/v1/auth/login`

use tenancy::{
    Result,
    audit::Actor,
    credential::Password,
    email::EmailAddress,
    http::{Call, Means, Response, anonymous},
    user::{self, SignedIn},
};
use utoipa::ToSchema;

tenancy::fields! {
    /// Who signs in.
    #[derive(ToSchema)]
    #[schema(as = Login)]
    struct Request {
        email: EmailAddress,
        password: Password,
    }
}

/// Signs a user in to the tenant that the request addresses.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    params(("X-Tenant-Slug" = Option<String>, Header, example = "acme",
            description = "The tenant, where neither the host nor the path names it.")),
    tag = "Signing in",
    request_body = Request,
    responses((status = 200, description = "Signed in.", body = SignedIn)),
)]
pub async fn handler(mut call: Call) -> Result<Response> {
    let tenancy = call.tenancy()?;
    // An address that cannot be read is refused before the body is.
    call.addressing()?;
    let request: Request = call.json().await?;
    let tenant = anonymous::tenant(&tenancy, &call).await?;
    call.record().concerns(tenant.id, Means::Address);
    let actor = Actor::anonymous(call.origin());
    let signed_in =
        user::sign_in(&tenancy, &tenant, &request.email, request.password, &actor).await?;
    call.record().signed_in(tenant.id, signed_in.user_id());
    Ok(Response::ok(&signed_in))
}
