//! `GET /admin/audit/export`

use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use tenancy::{
    Result,
    audit::{self, Export, Filter, Format},
    event::Severity,
};
use uuid::Uuid;
use web::{Operator, Response};

tenancy::fields! {
    /// The events to export, and the format.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The format: CSV with a header line, or one JSON object per line.
        #[param(required = false, default = "ndjson")]
        format: Format = Format::Ndjson,
        /// Restricts the export to this tenant.
        tenant_id: Option<Uuid>,
        /// An event name, or a prefix that ends with a dot, such as `user.`.
        #[param(example = "auth.")]
        event: Option<String>,
        /// The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`,
        /// `api_key`, `system` or `anonymous`.
        actor: Option<String>,
        /// The id or the kind of the affected resource.
        resource: Option<String>,
        severity: Option<Severity>,
        /// Whether the action succeeded.
        succeeded: Option<bool>,
        /// The earliest time, inclusive.
        from: Option<DateTime<Utc>>,
        /// The latest time, exclusive.
        to: Option<DateTime<Utc>>,
    }
}

web::endpoint! {
    /// Exports the audit trail, newest event first.
    ENDPOINT: GET "/admin/audit/export" => handler,
    access: Operator(AuditRead),
    operation_id: "exportPlatformAuditEvents",
    openapi: (
        tag = "Audit",
        params(Query),
        responses((status = 200, description = "The events.", content(
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        ))),
    ),
}

async fn handler(mut operator: Operator) -> Result<Response> {
    let query: Query = operator.call().query()?;
    let format = query.format;
    let filter = Filter {
        tenant: query.tenant_id,
        event: query.event,
        actor: query.actor,
        resource: query.resource,
        severity: query.severity,
        succeeded: query.succeeded,
        from: query.from,
        to: query.to,
    };
    let context = operator.context();
    // The export includes the most recent events.
    audit::flush_catalog(context, filter.tenant).await?;
    let export = Export::begin(context, filter, format).await?;
    let name = match format {
        Format::Csv => "attachment; filename=\"audit.csv\"",
        Format::Ndjson => "attachment; filename=\"audit.ndjson\"",
    };
    let content_type = HeaderValue::from_static(format.content_type());
    Ok(Response::stream(None, export)
        .with_header(header::CONTENT_TYPE, content_type)
        .with_header(header::CONTENT_DISPOSITION, HeaderValue::from_static(name)))
}
