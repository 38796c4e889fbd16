//! `DELETE /api/v1/permissions/{name}`

use http::StatusCode;
use tenancy::{
    Error, Result,
    access::Permission,
    error::RoleError,
    role::{self, Authority},
};
use web::{Member, Response};

web::endpoint! {
    /// Deletes a permission, and removes it from all roles. It takes effect on the next request of every caller.
    ENDPOINT: DELETE "/api/v1/permissions/{name}" => handler,
    access: Member(RolesWrite),
    authority: Roles,
    options: [destructive(), unmetered(), pending()],
    operation_id: "deletePermission",
    problems: [(403, &["scope_not_held"]), (409, &["permission_in_use"])],
    openapi: (
        tag = "Roles",
        params(("name" = Permission, Path, description = "The name of the permission.")),
        responses((status = 204, description = "The permission is deleted.")),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let name: Result<Permission> = member.call().parameter("name");
    let name = name.map_err(|_| Error::Role(RoleError::PermissionNotFound))?;
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let effect = role::delete_permission(context, tenant, &name, &authority, &actor).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT).with_effect(effect))
}
