//! `GET /api/v1/tenant/database/credentials`

use tenancy::{
    Result,
    database_credential::Authority,
    database_role::{self, Access, DatabaseRoleView},
    log,
};
use web::{Limit, Member, Page, Response};

tenancy::fields! {
    /// The part of the list to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

web::endpoint! {
    /// Lists the credentials for the tenant's database that are valid, newest first, without their passwords.
    ENDPOINT: GET "/api/v1/tenant/database/credentials" => handler,
    access: Authenticated,
    authority: DatabaseCredentials,
    operation_id: "listDatabaseCredentials",
    problems: [(403, &["scope_not_held"])],
    openapi: (
        tag = "Database",
        params(Query),
        responses((status = 200, description = "The credentials.", body = Page<DatabaseRoleView<'_>>)),
    ),
}

async fn handler(mut member: Member, authority: Authority) -> Result<Response> {
    let Query { offset, limit } = member.call().query()?;
    authority.check(Access::Read)?;
    let catalog = member.context().catalog().await?;
    let (roles, total) =
        database_role::list(&*catalog, member.tenant().id, offset, limit.get()).await?;
    let roles = log::readable(member.context(), roles);
    let items = roles.iter().map(DatabaseRoleView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
