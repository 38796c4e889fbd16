//! `GET /api/v1/tenant/audit`

use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::{
    Result,
    audit::{self, Cursor, Filter, LoggedEvent, Severity},
    http::{Limit, Member, Response},
    log,
};
use utoipa::ToSchema;

tenancy::fields! {
    /// Which events to show.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    struct Query {
        /// The name of an event, or the beginning of one with its dot, such as `user.`.
        #[param(example = "auth.")]
        event: Option<String>,
        /// The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`,
        /// `api_key`, `system`, `anonymous`.
        actor: Option<String>,
        /// The id of what it happened to, or its kind.
        resource: Option<String>,
        severity: Option<Severity>,
        /// Whether it came to be.
        succeeded: Option<bool>,
        /// Not before this.
        from: Option<DateTime<Utc>>,
        /// Before this.
        to: Option<DateTime<Utc>>,
        /// The most to show.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// The `next_cursor` of the answer before.
        #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{32}$")]
        cursor: Option<Cursor>,
    }
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
struct AuditPage {
    items: Vec<LoggedEvent>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Shows what happened in the tenant, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/tenant/audit",
    tag = "Audit",
    params(Query),
    responses((status = 200, description = "The events.", body = AuditPage)),
)]
pub async fn handler(mut member: Member) -> Result<Response> {
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
    let tenancy = member.tenancy();
    // What was done a moment ago is shown.
    audit::flush(tenancy, member.tenant()).await?;
    let catalog = tenancy.catalog().await?;
    let (events, next) = audit::list(&*catalog, &filter, cursor, limit).await?;
    let items = log::readable(member.tenancy(), events);
    Ok(Response::ok(&AuditPage { items, next_cursor: next.map(Cursor::to_text) }))
}
