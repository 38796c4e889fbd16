//! `GET /admin/tenants/{id}/users`

use tenancy::{
    Result,
    access::Role,
    log,
    metadata::MetadataFilter,
    tenant::TenantDb,
    user::{OperatorUserView, repo},
};
use web::{Limit, Operator, Page, Response};

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
        /// Restricts the list to active or to deactivated users.
        is_active: Option<bool>,
        /// Restricts the list to users with this text in their e-mail address or one of their names.
        search: Option<String>,
        /// Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`.
        #[param(value_type = Option<String>, max_length = 1024)]
        public_metadata: Option<MetadataFilter>,
        /// Restricts the list to users whose private metadata contain this JSON object, such as `{"crm": 17}`.
        #[param(value_type = Option<String>, max_length = 1024)]
        private_metadata: Option<MetadataFilter>,
    }
}

web::endpoint! {
    /// Lists the users of a tenant, newest first.
    ENDPOINT: GET "/admin/tenants/{id}/users" => handler,
    access: Operator(TenantUsersRead),
    operation_id: "listTenantUsers",
    openapi: (
        tag = "Administration",
        params(("id" = Uuid, Path, description = "The id of the tenant."), Query),
        responses((status = 200, description = "The users.", body = Page<OperatorUserView<'_>>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let query: Query = operator.call().query()?;
    let tenant = operator.tenant().await?;
    let filter = repo::Filter {
        offset: query.offset,
        limit: query.limit.get(),
        role: query.role,
        custom_role: None,
        group: None,
        is_active: query.is_active,
        search: query.search.filter(|text| !text.is_empty()),
        public_metadata: query.public_metadata,
        private_metadata: query.private_metadata,
    };
    let database = TenantDb::connect(operator.context(), &tenant).await?;
    let (users, total) = repo::list(&database, &filter).await?;
    let users = log::readable(operator.context(), users);
    let items = users.iter().map(OperatorUserView::from).collect();
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
