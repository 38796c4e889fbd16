//! `GET /admin/audit`

use tenancy::{Result, audit::flush_catalog};
use uuid::Uuid;
use web::{
    Operator, Response,
    audit::{Page, Paging, Selection, list},
};

tenancy::fields! {
    /// The tenant of the events.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Scope {
        /// Restricts the list to this tenant.
        tenant_id: Option<Uuid>,
    }
}

web::endpoint! {
    /// Lists the audit events of all tenants and of the platform, newest first.
    ENDPOINT: GET "/admin/audit" => handler,
    access: Operator(AuditRead),
    operation_id: "listPlatformAuditEvents",
    openapi: (
        tag = "Audit",
        params(Scope, Selection, Paging),
        responses((status = 200, description = "The events.", body = Page)),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let (scope, (selection, paging)): (Scope, (Selection, Paging)) = operator.call().query()?;
    let context = operator.context();
    // The response includes the most recent events.
    flush_catalog(context, scope.tenant_id).await?;
    list(context, &selection.of(scope.tenant_id), paging).await
}
