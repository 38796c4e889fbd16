//! `GET /api/v1/users`

use tenancy::{
    Result,
    access::Role,
    log,
    tenant::TenantDb,
    user::{User, repo},
};
use uuid::Uuid;
use web::{Limit, Member, Page, Response};

tenancy::fields! {
    /// The users to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// Restricts the list to users with this built-in role.
        role: Option<Role>,
        /// Restricts the list to users with this custom role. Members of groups with the role are not included.
        custom_role: Option<Uuid>,
        /// Restricts the list to members of this group.
        group: Option<Uuid>,
        /// Restricts the list to active or to deactivated users.
        is_active: Option<bool>,
        /// Restricts the list to users with this text in their e-mail address or one of their names.
        search: Option<String>,
    }
}

web::endpoint! {
    /// Lists the tenant's users, newest first.
    ENDPOINT: GET "/api/v1/users" => handler,
    access: Member(UsersRead),
    operation_id: "listUsers",
    openapi: (
        tag = "Users",
        params(Query),
        responses((status = 200, description = "The users.", body = Page<User>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query: Query = member.call().query()?;
    let filter = repo::Filter {
        offset: query.offset,
        limit: query.limit.get(),
        role: query.role,
        custom_role: query.custom_role,
        group: query.group,
        is_active: query.is_active,
        search: query.search.filter(|text| !text.is_empty()),
    };
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (users, total) = repo::list(&database, &filter).await?;
    let items = log::readable(member.context(), users);
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
