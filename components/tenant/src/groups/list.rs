//! `GET /api/v1/groups`

use tenancy::{Result, access::Group};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the tenant's groups, oldest first.
    ENDPOINT: GET "/api/v1/groups" => handler,
    access: Member(RolesRead),
    operation_id: "listGroups",
    openapi: (
        tag = "Roles",
        params(PageQuery),
        responses((status = 200, description = "The groups.", body = Page<Group>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query: PageQuery = member.call().query()?;
    Ok(Response::ok(&Page::of(&member.tenant().definitions.groups, query)))
}
