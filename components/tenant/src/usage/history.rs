//! `GET /api/v1/tenant/usage/history`

use tenancy::{
    Result,
    http::{Limit, Member, Page, Response},
    quota::{
        Resource,
        history::{self, Format, HistoryRequest},
        repo::{Granularity, Used},
    },
};

tenancy::fields! {
    /// Which part of the history to show.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The first day, in UTC; 30 days before the last one where it is absent.
        #[param(example = "2030-01-01")]
        from: Option<chrono::NaiveDate>,
        /// The last day, in UTC; today where it is absent.
        #[param(example = "2030-01-31")]
        to: Option<chrono::NaiveDate>,
        /// By what it adds up.
        #[param(required = false, default = "day")]
        granularity: Granularity = Granularity::Day,
        /// One resource alone.
        resource_type: Option<Resource>,
        /// The form of the answer; CSV has a head, and no count.
        #[param(required = false, default = "json")]
        format: Format = Format::Json,
        /// How many to pass over.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The most to show.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

/// Shows what the tenant has used, by the day or by the month, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/usage/history",
    tag = "Tenant",
    params(Query),
    responses((status = 200, description = "What was used.", content(
        (Page<Used> = "application/json"),
        (String = "text/csv"),
    ))),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
    let query: Query = member.call().query()?;
    let request = HistoryRequest {
        tenant: Some(member.tenant().id),
        resource: query.resource_type,
        from: query.from,
        to: query.to,
        granularity: query.granularity,
        format: query.format,
        offset: query.offset,
        limit: query.limit.get(),
    };
    history::answer(member.tenancy(), request).await
}
