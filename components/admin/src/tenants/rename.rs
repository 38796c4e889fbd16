//! `POST /admin/tenants/{id}/rename`

use tenancy::{Error, Result, identifier::Slug, lifecycle::rename, tenant::OperatorTenantView};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Operator, Response};

tenancy::fields! {
    /// The new slug of a tenant.
    #[derive(ToSchema)]
    #[schema(as = TenantRename)]
    struct Request {
        slug: Slug,
    }
}

web::endpoint! {
    /// Gives a tenant another slug.
    ///
    /// Tokens, API keys and database credentials stay valid. The former slug names no tenant any longer, with effect on
    /// the next request, and is reserved for this tenant.
    ENDPOINT: POST "/admin/tenants/{id}/rename" => handler,
    access: Operator(TenantsWrite),
    options: [pending()],
    operation_id: "renameTenant",
    problems: [(409, &["illegal_transition", "slug_taken"]), (412, &["precondition_failed"])],
    headers: ["ETag", "Last-Modified"],
    openapi: (
        tag = "Administration",
        params(
            ("id" = Uuid, Path, description = "The id of the tenant."),
            ("If-Match" = Option<String>, Header, description = "Proceeds only if the tenant has this entity tag."),
        ),
        request_body = Request,
        responses((status = 200, description = "The renamed tenant.", body = OperatorTenantView<'_>)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let id: Uuid = operator.call().parameter("id").map_err(|_| Error::TenantNotFound)?;
    let request: Request = operator.call().json().await?;
    let version = super::wanted_version(&mut operator, id).await?;
    let (context, actor) = (operator.context(), operator.actor());
    let renamed = rename::rename(context, id, &request.slug, version, &actor).await?;
    let response = Response::ok(&OperatorTenantView::from(&renamed.value));
    Ok(super::validators(&renamed.value)?.describe(response)?.with_effect(renamed.effect))
}
