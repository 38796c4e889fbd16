//! `GET /admin/operator-keys`

use tenancy::{
    Result, log,
    operator_key::{OperatorKeyView, repo},
};
use web::{Limit, Operator, Page, Response};

tenancy::fields! {
    /// The part of the list to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of keys to skip.
        #[param(required = false, default = 0)]
        offset: u32 = 0,
        /// The maximum number of keys to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
    }
}

web::endpoint! {
    /// Lists the operator keys that are not revoked, newest first.
    ENDPOINT: GET "/admin/operator-keys" => handler,
    access: Operator(OperatorKeysRead),
    operation_id: "listOperatorKeys",
    openapi: (
        tag = "Operator keys",
        params(Query),
        responses((status = 200, description = "The keys.", body = Page<OperatorKeyView<'_>>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { offset, limit } = operator.call().query()?;
    let catalog = operator.context().catalog().await?;
    let (keys, total) = repo::list(&*catalog, offset, limit.get()).await?;
    let keys = log::readable(operator.context(), keys);
    let items = keys.iter().map(OperatorKeyView::from).collect();
    Ok(Response::ok(&Page { items, total, offset, limit: limit.get() }))
}
