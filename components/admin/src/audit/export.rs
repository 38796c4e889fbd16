//! `GET /admin/audit/export`

use tenancy::{Result, audit::flush_catalog};
use uuid::Uuid;
use web::{
    Operator, Response,
    audit::{FileFormat, Selection, export},
};

tenancy::fields! {
    /// The tenant of the events.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Scope {
        /// Restricts the export to this tenant.
        tenant_id: Option<Uuid>,
    }
}

web::endpoint! {
    /// Exports the audit trail, newest event first.
    ENDPOINT: GET "/admin/audit/export" => handler,
    access: Operator(AuditRead),
    operation_id: "exportPlatformAuditEvents",
    openapi: (
        tag = "Audit",
        params(FileFormat, Scope, Selection),
        responses((status = 200, description = "The events.", content(
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        ))),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let (file, (scope, selection)): (FileFormat, (Scope, Selection)) = operator.call().query()?;
    let context = operator.context();
    // The export includes the most recent events.
    flush_catalog(context, scope.tenant_id).await?;
    export(context, selection.of(scope.tenant_id), file).await
}
