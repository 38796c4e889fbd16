//! `POST /api/v1/groups`

use http::{HeaderValue, header};
use tenancy::{
    Error, Result,
    access::Group,
    role::{self, Authority, NewGroup},
};
use web::{Member, Response};

web::endpoint! {
    /// Creates a group without members. Each member of a group has its roles. The caller must hold each of their permissions.
    ENDPOINT: POST "/api/v1/groups" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), pending()],
    operation_id: "createGroup",
    problems: [(403, &["scope_not_held"]), (409, &["group_name_taken", "too_many_roles"])],
    headers: ["Location"],
    openapi: (
        tag = "Roles",
        request_body = NewGroup,
        responses((status = 201, description = "The group.", body = Group)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let request: NewGroup = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = role::create_group(context, tenant, request, &authority, &actor).await?;
    let location = HeaderValue::from_str(&format!("/api/v1/groups/{}", changed.value.id));
    Ok(Response::created(&changed.value)
        .with_header(header::LOCATION, location.map_err(Error::internal)?)
        .with_effect(changed.effect))
}
