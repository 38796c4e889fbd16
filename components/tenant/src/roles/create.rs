//! `POST /api/v1/roles`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    access::CustomRole,
    role::{self, Authority, NewRole},
};
use web::{Member, Response};

web::endpoint! {
    /// Creates a role: a named set of scopes of Tenancy and permissions of the application. The caller must hold each of them.
    ENDPOINT: POST "/api/v1/roles" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), pending()],
    operation_id: "createRole",
    problems: [(403, &["scope_not_held"]), (409, &["role_name_taken", "too_many_roles"])],
    headers: ["Location"],
    openapi: (
        tag = "Roles",
        request_body = NewRole,
        responses((status = 201, description = "The role.", body = CustomRole)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let request: NewRole = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = role::create_role(context, tenant, request, &authority, &actor).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/roles/{}", changed.value.id));
    Ok(Response::created(&changed.value)
        .with_header(header::LOCATION, location.map_err(Error::internal)?)
        .with_effect(changed.effect))
}
