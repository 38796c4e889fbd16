//! `GET /api/v1/users`

use tenancy::{
    Result, log,
    tenant::TenantDb,
    user::{User, repo},
};
use uuid::Uuid;
use web::{Member, Page, PageQuery, Response, users::Selection};

tenancy::fields! {
    /// The roles and groups of the users to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct RoleSelection {
        /// Restricts the list to users with this custom role. Members of groups with the role are not included.
        custom_role: Option<Uuid>,
        /// Restricts the list to members of this group.
        group: Option<Uuid>,
    }
}

web::endpoint! {
    /// Lists the tenant's users, newest first.
    ENDPOINT: GET "/api/v1/users" => handler,
    access: Member(UsersRead),
    operation_id: "listUsers",
    openapi: (
        tag = "Users",
        params(PageQuery, Selection, RoleSelection),
        responses((status = 200, description = "The users.", body = Page<User>)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let ((page, selection), roles): ((PageQuery, Selection), RoleSelection) =
        member.call().query()?;
    let RoleSelection { custom_role, group } = roles;
    let filter = repo::Filter { custom_role, group, ..selection.on(&page) };
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (users, total) = repo::list(&database, &filter).await?;
    let items = log::readable(member.context(), users);
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
