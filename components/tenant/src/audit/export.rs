//! `GET /api/v1/tenant/audit/export`

use tenancy::{Result, audit::flush};
use web::{
    Member, Response,
    audit::{FileFormat, Selection, export},
};

web::endpoint! {
    /// Exports the audit trail, newest event first.
    ENDPOINT: GET "/api/v1/tenant/audit/export" => handler,
    access: Member(AuditRead),
    operation_id: "exportAuditEvents",
    openapi: (
        tag = "Audit",
        params(FileFormat, Selection),
        responses((status = 200, description = "The events.", content(
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        ))),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let (file, selection): (FileFormat, Selection) = member.call().query()?;
    let (context, tenant) = (member.context(), member.tenant());
    // The export includes the most recent events.
    flush(context, tenant).await?;
    export(context, selection.of(Some(tenant.id)), file).await
}
