//! `DELETE /api/v1/groups/{id}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    error::RoleError,
    role::{self, Authority},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Deletes a group, and removes all members from it. It takes effect on their next request.
    ENDPOINT: DELETE "/api/v1/groups/{id}" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), unmetered(), pending()],
    operation_id: "deleteGroup",
    problems: [(403, &["scope_not_held"])],
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the group.")),
        responses((status = 204, description = "The group is deleted.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::GroupNotFound))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = role::delete_group(context, tenant, id, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
