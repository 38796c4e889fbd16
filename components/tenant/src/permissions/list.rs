//! `GET /api/v1/permissions`

use tenancy::{Result, access::DefinedPermission};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the permissions of the tenant's application by name. The scopes of Tenancy are not included.
    ENDPOINT: GET "/api/v1/permissions" => handler,
    access: Member(RolesRead),
    operation_id: "listPermissions",
    openapi: (
        tag = "Roles",
        params(PageQuery),
        responses((status = 200, description = "The permissions.", body = Page<DefinedPermission>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query: PageQuery = member.call().query()?;
    Ok(Response::ok(&Page::of(&member.tenant().definitions.permissions, query)))
}
