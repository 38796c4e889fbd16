//! `GET /api/v1/tenant/audit`

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{
    Result,
    audit::{self, Cursor, Filter, LoggedEvent},
    event::Severity,
    log,
};
use utoipa::ToSchema;
use web::{Limit, Member, Response};

tenancy::fields! {
    /// The events to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
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
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// The `next_cursor` of the previous page.
        #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{32}$")]
        cursor: Option<Cursor>,
    }
}

/// A page of the audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
struct AuditPage {
    items: Vec<LoggedEvent>,
    /// The cursor of the next page, or null on the last page.
    next_cursor: Option<String>,
}

web::endpoint! {
    /// Lists the audit events of the tenant, newest first.
    ENDPOINT: GET "/api/v1/tenant/audit" => handler,
    access: Member(AuditRead),
    operation_id: "listAuditEvents",
    openapi: (
        tag = "Audit",
        params(Query),
        responses((status = 200, description = "The events.", body = AuditPage)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let query: Query = member.call().query()?;
    let (limit, cursor) = (query.limit.get(), query.cursor);
    let filter = Filter {
        tenant: Some(member.tenant().id),
        event: query.event,
        actor: query.actor,
        resource: query.resource,
        severity: query.severity,
        succeeded: query.succeeded,
        from: query.from,
        to: query.to,
    };
    let context = member.context();
    // The response includes the most recent events.
    audit::flush(context, member.tenant()).await?;
    let catalog = context.catalog().await?;
    let (events, next) = audit::list(&*catalog, &filter, cursor, limit).await?;
    let items = log::readable(member.context(), events);
    Ok(Response::ok(&AuditPage { items, next_cursor: next.map(Cursor::to_text) }))
}
