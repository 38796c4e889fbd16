//! `PATCH /api/v1/roles/{id}`

use tenancy::{
    Error, Result,
    access::CustomRole,
    error::RoleError,
    role::{self, Authority, RoleChange},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Updates a role. The change takes effect on the next request of every user with the role, without a new sign-in.
    ENDPOINT: PATCH "/api/v1/roles/{id}" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), pending()],
    operation_id: "updateRole",
    problems: [(403, &["scope_not_held"]), (409, &["role_name_taken", "too_many_roles"])],
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the role.")),
        request_body = RoleChange,
        responses((status = 200, description = "The changed role.", body = CustomRole)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::RoleNotFound))?;
    let request: RoleChange = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = role::update_role(context, tenant, id, &request, &authority, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
