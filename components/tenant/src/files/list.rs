//! `GET /api/v1/files`

use serde::Serialize;
use tenancy::{
    Result, log,
    storage::{self, repo},
    tenant::TenantDb,
};
use utoipa::ToSchema;
use web::{Limit, Member, Response};

use super::FileView;

tenancy::fields! {
    /// The files to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// Restricts the list to paths with this prefix.
        #[param(required = false, example = "reports/")]
        prefix: String = String::new(),
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// The `next_cursor` of the previous page.
        cursor: Option<String>,
    }
}

/// A page of files.
#[derive(Serialize, ToSchema)]
#[schema(as = FilePage)]
struct FilePage {
    items: Vec<FileView>,
    /// The cursor of the next page, or null on the last page.
    next_cursor: Option<String>,
}

web::endpoint! {
    /// Lists files, ordered by path.
    ENDPOINT: GET "/api/v1/files" => handler,
    access: Member(FilesRead),
    operation_id: "listFiles",
    openapi: (
        tag = "Files",
        params(Query),
        responses((status = 200, description = "The files.", body = FilePage)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let Query { prefix, limit, cursor } = member.call().query()?;
    let prefix = storage::normalize_prefix(&prefix)?;
    let database = TenantDb::connect(member.context(), member.tenant()).await?;
    let (files, next_cursor) =
        repo::list(&database, &prefix, cursor.as_deref(), limit.get()).await?;
    let files = log::readable(member.context(), files);
    let items = files.into_iter().map(FileView::from).collect();
    Ok(Response::ok(&FilePage { items, next_cursor }))
}
