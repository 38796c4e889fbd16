//! `GET /api/v1/roles/{id}`

use tenancy::{Error, Result, access::CustomRole, error::RoleError};
use uuid::Uuid;
use web::{Member, Response};

web::endpoint! {
    /// Returns a role.
    ENDPOINT: GET "/api/v1/roles/{id}" => handler,
    access: Member(RolesRead),
    operation_id: "getRole",
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the role.")),
        responses((status = 200, description = "The role.", body = CustomRole)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::RoleNotFound))?;
    Ok(Response::ok(member.tenant().definitions.role(id)?))
}
