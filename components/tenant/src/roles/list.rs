//! `GET /api/v1/roles`

use tenancy::{Result, access::CustomRole};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the roles that the tenant defines, oldest first. The built-in roles are not included.
    ENDPOINT: GET "/api/v1/roles" => handler,
    access: Member(RolesRead),
    operation_id: "listRoles",
    openapi: (
        tag = "Roles",
        params(PageQuery),
        responses((status = 200, description = "The roles.", body = Page<CustomRole>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query: PageQuery = member.call().query()?;
    Ok(Response::ok(&Page::of(&member.tenant().definitions.roles, query)))
}
