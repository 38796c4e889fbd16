//! `POST /api/v1/permissions`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    access::DefinedPermission,
    role::{self, NewPermission},
};
use web::{Member, Response};

web::endpoint! {
    /// Defines a permission of the tenant's application, such as `notes:write`.
    ///
    /// Administrators hold it at once. Other users get it by a role, and API keys as a scope. `GET /api/v1/auth/verify`
    /// checks it like a scope of Tenancy.
    ENDPOINT: POST "/api/v1/permissions" => handler,
    access: Member(RolesWrite),
    options: [destructive(), pending()],
    operation_id: "createPermission",
    problems: [(409, &["permission_taken", "too_many_roles"])],
    headers: ["Location"],
    openapi: (
        tag = "Roles",
        request_body = NewPermission,
        responses((status = 201, description = "The permission.", body = DefinedPermission)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let request: NewPermission = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = role::create_permission(context, tenant, request, &actor).await?;
    let location = format!("/api/v1/permissions/{}", changed.value.name);
    let location = HeaderValue::from_str(&location).map_err(Error::internal)?;
    Ok(Response::created(&changed.value)
        .with_header(header::LOCATION, location)
        .with_effect(changed.effect))
}
