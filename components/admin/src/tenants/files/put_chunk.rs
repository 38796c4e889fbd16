//! `PUT /admin/tenants/{id}/files/{file}/chunks/{index}`

use http::StatusCode;
use tenancy::{
    Result,
    storage::sealed_chunk::{self, ChunkPlace, MOST_SEALED_BYTES},
};
use web::{Operator, Response};

use super::{Place, place};

tenancy::fields! {
    /// The seal of a chunk.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The number of the data key that sealed the chunk, from 1.
        #[param(minimum = 1)]
        key_number: u32,
        /// Whether the chunk is the last one of its file.
        is_last: bool,
    }
}

web::endpoint! {
    /// Stores a sealed chunk of a file.
    ///
    /// Only a chunk that the tenant's data key sealed for this place is accepted, so a chunk of another tenant is
    /// refused. `tenantctl tenant import` and `tenantctl backup restore` write chunks with this endpoint.
    ENDPOINT: PUT "/admin/tenants/{id}/files/{file}/chunks/{index}" => handler,
    access: Operator(TenantsWrite),
    operation_id: "putTenantFileChunk",
    problems: [(404, &["file_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the tenant."),
            ("file" = uuid::Uuid, Path, description = "The id of the upload."),
            ("index" = u32, Path, description = "The index of the chunk, from 0."),
            Query,
        ),
        request_body(content = String, content_type = "application/octet-stream"),
        responses((status = 204, description = "The chunk is stored.")),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Query { key_number, is_last } = operator.call().query()?;
    let Place { tenant, file, index } = place(&mut operator).await?;
    let request = operator.call().request();
    request.check_coding()?;
    let sealed = request.body.read_value(MOST_SEALED_BYTES).await?;
    let place = ChunkPlace { file, key_number, index, is_last };
    sealed_chunk::write(operator.context(), &tenant, place, &sealed).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
