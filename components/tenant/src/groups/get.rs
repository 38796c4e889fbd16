//! `GET /api/v1/groups/{id}`

use tenancy::{Error, Result, access::Group, error::RoleError};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Returns a group.
    ENDPOINT: GET "/api/v1/groups/{id}" => handler,
    access: Member(RolesRead),
    operation_id: "getGroup",
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the group.")),
        responses((status = 200, description = "The group.", body = Group)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::GroupNotFound))?;
    Ok(Response::ok(member.tenant().definitions.group(id)?))
}
