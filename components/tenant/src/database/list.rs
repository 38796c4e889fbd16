//! `GET /api/v1/tenant/database/credentials`

use tenancy::{
    Result,
    database_credential::Authority,
    database_role::{self, Access, DatabaseRoleView},
    log,
};
use web::{Member, Page, PageQuery, Response};

web::endpoint! {
    /// Lists the credentials for the tenant's database that are valid, newest first, without their passwords.
    ENDPOINT: GET "/api/v1/tenant/database/credentials" => handler,
    access: Authenticated,
    authority: DatabaseCredentials,
    operation_id: "listDatabaseCredentials",
    problems: [(403, &["scope_not_held"])],
    openapi: (
        tag = "Database",
        params(PageQuery),
        responses((status = 200, description = "The credentials.", body = Page<DatabaseRoleView<'_>>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let PageQuery { offset, limit } = member.call().query()?;
    authority.check(Access::Read)?;
    let catalog = member.context().catalog().await?;
    let (roles, total) =
        database_role::list(&*catalog, member.tenant().id, offset, limit.get()).await?;
    let roles = log::readable(member.context(), roles);
    let items = roles.iter().map(DatabaseRoleView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
