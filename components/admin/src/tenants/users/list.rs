//! `GET /admin/tenants/{id}/users`

use tenancy::{
    Result, log,
    metadata::MetadataFilter,
    tenant::TenantDb,
    user::{OperatorUserView, repo},
};
use web::{Operator, Page, PageQuery, Response, users::Selection};

tenancy::fields! {
    /// The users to return, for operators only.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct PrivateSelection {
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
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the tenant."),
            PageQuery,
            Selection,
            PrivateSelection,
        ),
        responses((status = 200, description = "The users.", body = Page<OperatorUserView<'_>>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let ((page, selection), private): ((PageQuery, Selection), PrivateSelection) =
        operator.call().query()?;
    let tenant = operator.tenant().await?;
    let filter = repo::Filter { private_metadata: private.private_metadata, ..selection.on(&page) };
    let database = TenantDb::connect(operator.context(), &tenant).await?;
    let (users, total) = repo::list(&database, &filter).await?;
    let users = log::readable(operator.context(), users);
    let items = users.iter().map(OperatorUserView::from).collect();
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
