//! `GET /admin/tenants`

use tenancy::{
    Result,
    http::{Limit, Operator, Page, Response},
    tenant::{Status, TenantView, repo},
};

tenancy::fields! {
    /// Which tenants to show.
    struct Query {
        offset: u32 = 0,
        limit: Limit = Limit::DEFAULT,
        status_filter: Option<Status>,
        search: Option<String>,
        include_deleted: bool = false,
    }
}

/// Lists tenants, the newest first.
pub async fn handler(mut operator: Operator) -> Result<Response> {
    let query: Query = operator.call().query()?;
    let filter = repo::Filter {
        offset: query.offset,
        limit: query.limit.get(),
        status: query.status_filter,
        search: query.search.filter(|text| !text.is_empty()),
        include_deleted: query.include_deleted,
    };
    let catalog = operator.tenancy().catalog().await?;
    let (tenants, total) = repo::list(&*catalog, &filter).await?;
    let items = tenants.iter().map(TenantView::from).collect();
    Ok(Response::ok(&Page { items, total, offset: filter.offset, limit: filter.limit }))
}
