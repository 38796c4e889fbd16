//! `DELETE /api/v1/groups/{id}/members/{user}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    error::RoleError,
    user::{self, Authority},
};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Removes a user from a group. The access tokens of a former member become invalid.
    ENDPOINT: DELETE "/api/v1/groups/{id}/members/{user}" => handler,
    access: Member(UsersWrite),
    authority: Users,
    options: [destructive(), unmetered(), pending()],
    operation_id: "removeGroupMember",
    problems: [(403, &["scope_not_held", "administrator_required"])],
    openapi: (
        tag = "Roles",
        params(
            ("id" = Uuid, Path, description = "The id of the group."),
            ("user" = Uuid, Path, description = "The id of the user."),
        ),
        responses((status = 204, description = "The user is not a member.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let group: Result<Uuid> = member.call().parameter("id");
    let group = group.map_err(|_| Error::Role(RoleError::GroupNotFound))?;
    let id: Uuid = member.call().parameter("user").map_err(|_| Error::UserNotFound)?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let changed =
        user::set_membership(context, tenant, (group, id), false, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(changed.effect))
}
