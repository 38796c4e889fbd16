//! `GET /admin/usage`

use tenancy::{
    Result,
    quota::repo::{Granularity, Used},
    resource::Resource,
    usage::history::{self, Format, HistoryRequest},
};
use uuid::Uuid;
use web::{Limit, Operator, Page, Response};

tenancy::fields! {
    /// The part of the usage history to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The first day, in UTC. The default is 30 days before the last day.
        #[param(example = "2030-01-01")]
        from: Option<chrono::NaiveDate>,
        /// The last day, in UTC. The default is today.
        #[param(example = "2030-01-31")]
        to: Option<chrono::NaiveDate>,
        /// The period of each total.
        #[param(required = false, default = "day")]
        granularity: Granularity = Granularity::Day,
        /// Restricts the response to this resource.
        resource_type: Option<Resource>,
        /// Restricts the response to this tenant.
        tenant_id: Option<Uuid>,
        /// The format of the response. CSV has a header line and no total.
        #[param(required = false, default = "json")]
        format: Format = Format::Json,
        /// The number of items to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

web::endpoint! {
    /// Lists the usage of tenants per day or per month, newest first.
    ENDPOINT: GET "/admin/usage" => handler,
    access: Operator(UsageRead),
    operation_id: "listTenantUsage",
    openapi: (
        tag = "Administration",
        params(Query),
        responses((status = 200, description = "The usage history.", content(
            (Page<Used> = "application/json"),
            (String = "text/csv"),
        ))),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let query: Query = operator.call().query()?;
    let request = HistoryRequest {
        tenant: query.tenant_id,
        resource: query.resource_type,
        from: query.from,
        to: query.to,
        granularity: query.granularity,
        format: query.format,
        offset: query.offset,
        limit: query.limit.get(),
    };
    Ok(history::find(operator.context(), request).await?.into())
}
