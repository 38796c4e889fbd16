//! `PATCH /api/v1/groups/{id}`

use tenancy::{
    Error, Result,
    access::Group,
    error::RoleError,
    role::{self, Authority, GroupChange},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Updates a group. The change takes effect on the next request of every member, without a new sign-in.
    ENDPOINT: PATCH "/api/v1/groups/{id}" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), pending()],
    operation_id: "updateGroup",
    problems: [(403, &["scope_not_held"]), (409, &["group_name_taken", "too_many_roles"])],
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the group.")),
        request_body = GroupChange,
        responses((status = 200, description = "The changed group.", body = Group)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::GroupNotFound))?;
    let request: GroupChange = member.call().json().await?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed = role::update_group(context, tenant, id, &request, &authority, &actor).await?;
    Ok(Response::ok(&changed.value).with_effect(changed.effect))
}
