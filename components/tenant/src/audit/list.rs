//! `GET /api/v1/tenant/audit`

use tenancy::{Result, audit::flush};
use web::{
    Member, Response,
    audit::{Page, Paging, Selection, list},
};

web::endpoint! {
    /// Lists the audit events of the tenant, newest first.
    ENDPOINT: GET "/api/v1/tenant/audit" => handler,
    access: Member(AuditRead),
    operation_id: "listAuditEvents",
    openapi: (
        tag = "Audit",
        params(Selection, Paging),
        responses((status = 200, description = "The events.", body = Page)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let (selection, paging): (Selection, Paging) = member.call().query()?;
    let (context, tenant) = (member.context(), member.tenant());
    // The response includes the most recent events.
    flush(context, tenant).await?;
    list(context, &selection.of(Some(tenant.id)), paging).await
}
