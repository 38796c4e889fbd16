//! `GET /api/v1/groups/{id}/members`

use tenancy::{
    Error, Result,
    error::RoleError,
    log,
    tenant::TenantDb,
    user::{User, repo},
};
use uuid::Uuid;
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the members of a group, newest users first.
    ENDPOINT: GET "/api/v1/groups/{id}/members" => handler,
    access: Member(UsersRead),
    operation_id: "listGroupMembers",
    openapi: (
        tag = "Roles",
        params(("id" = Uuid, Path, description = "The id of the group."), PageQuery),
        responses((status = 200, description = "The members.", body = Page<User>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let id: Result<Uuid> = member.call().parameter("id");
    let id = id.map_err(|_| Error::Role(RoleError::GroupNotFound))?;
    let PageQuery { offset, limit } = member.call().query()?;
    let filter = repo::Filter {
        offset,
        limit: limit.get(),
        group: Some(member.tenant().definitions.group(id)?.id),
        ..repo::Filter::default()
    };
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (users, total) = repo::list(&database, &filter).await?;
    let items = log::readable(member.context(), users);
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
