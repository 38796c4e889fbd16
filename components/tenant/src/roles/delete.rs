//! `DELETE /api/v1/roles/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    error::RoleError,
    role::{self, Authority},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Deletes a role, and removes it from all users and groups. It takes effect on their next request.
    ENDPOINT: DELETE "/api/v1/roles/{id}" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), unmetered(), pending()],
    operation_id: "deleteRole",
    problems: [(403, &["scope_not_held"])],
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the role.")),
        responses((status = 204, description = "The role is deleted.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::RoleNotFound))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = role::delete_role(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
