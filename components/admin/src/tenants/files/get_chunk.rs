//! `GET /admin/tenants/{id}/files/{file}/chunks/{index}`

use tenancy::{Error, Result, storage::sealed_chunk};
use web::{Operator, Response};

use super::{Place, place};

web::endpoint! {
    /// Returns a sealed chunk of a file.
    ///
    /// The chunk is sealed with the tenant's data key, as it is stored. `tenantctl tenant export` and
    /// `tenantctl backup create` read chunks with this endpoint.
    ENDPOINT: GET "/admin/tenants/{id}/files/{file}/chunks/{index}" => handler,
    access: Operator(TenantsWrite),
    operation_id: "getTenantFileChunk",
    problems: [(404, &["file_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = uuid::Uuid, Path, description = "The id of the tenant."),
            ("file" = uuid::Uuid, Path, description = "The id of the upload."),
            ("index" = u32, Path, description = "The index of the chunk, from 0."),
        ),
        responses((status = 200, description = "The sealed chunk.", content_type = "application/octet-stream")),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let Place { tenant, file, index } = place(&mut operator).await?;
    let sealed = sealed_chunk::read(operator.context(), tenant.id, file, index).await?;
    Ok(Response::bytes("application/octet-stream", sealed.ok_or(Error::FileNotFound)?))
}
