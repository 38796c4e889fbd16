//! `GET /admin/tenants`

use tenancy::{
    Result, log,
    metadata::MetadataFilter,
    tenant::{OperatorTenantView, Status, repo},
};
use web::{Limit, Operator, Page, Response};

tenancy::fields! {
    /// The tenants to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// Restricts the list to tenants in this state.
        status_filter: Option<Status>,
        /// Restricts the list to tenants with this text in their name, slug, e-mail address or domain.
        search: Option<String>,
        /// Includes deleted tenants.
        #[param(required = false, default = false)]
        include_deleted: bool = false,
        /// Restricts the list to tenants whose settings contain this JSON object, such as `{"region": "eu"}`.
        #[param(value_type = Option<String>, max_length = 1024)]
        settings: Option<MetadataFilter>,
        /// Restricts the list to tenants whose private settings contain this JSON object.
        #[param(value_type = Option<String>, max_length = 1024)]
        private_settings: Option<MetadataFilter>,
    }
}

web::endpoint! {
    /// Lists tenants, newest first.
    ENDPOINT: GET "/admin/tenants" => handler,
    access: Operator(TenantsRead),
    operation_id: "listTenants",
    openapi: (
        tag = "Administration",
        params(Query),
        responses((status = 200, description = "The tenants.", body = Page<OperatorTenantView<'_>>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let query: Query = operator.call().query()?;
    let filter = repo::Filter {
        offset: query.offset,
        limit: query.limit.get(),
        status: query.status_filter,
        search: query.search.filter(|text| !text.is_empty()),
        include_deleted: query.include_deleted,
        settings: query.settings,
        private_settings: query.private_settings,
    };
    let catalog = operator.context().catalog().await?;
    let (tenants, total) = repo::list(&*catalog, &filter).await?;
    let tenants = log::readable(operator.context(), tenants);
    let items = tenants.iter().map(OperatorTenantView::from).collect();
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
