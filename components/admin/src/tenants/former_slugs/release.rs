//! `DELETE /admin/tenants/{id}/former-slugs/{slug}`

use http::StatusCode;
use tenancy::{Error, Result, identifier::Slug, lifecycle::rename};
use uuid::Uuid;
use web::{Operator, Response};

web::endpoint! {
    /// Releases a former slug of a tenant, so that any tenant can have it.
    ENDPOINT: DELETE "/admin/tenants/{id}/former-slugs/{slug}" => handler,
    access: Operator(TenantsWrite),
    operation_id: "releaseFormerSlug",
    problems: [(404, &["former_slug_not_found"])],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("slug" = Slug, Path, description = "The former slug."),
        ),
        responses((status = 204, description = "The slug is released.")),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let slug: Slug = operator.call().parameter("slug").map_err(|_| Error::FormerSlugNotFound)?;
    rename::release(operator.context(), id, &slug, &operator.actor()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}
