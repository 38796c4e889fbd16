//! Lists and exports of the audit trail, for operators and for tenants.

use std::rc::Rc;

use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use serde::Serialize;
use tenancy::{
    Context, Result,
    audit::{self, Cursor, Export, Filter, Format, LoggedEvent},
    event::Severity,
    log,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Limit, Response};

tenancy::fields! {
    /// The events to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct Selection {
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

impl Selection {
    /// Returns the filter for the events of a tenant, or for all events.
    pub fn of(self, tenant: Option<Uuid>) -> Filter {
        let Self { event, actor, resource, severity, succeeded, from, to } = self;
        Filter { tenant, event, actor, resource, severity, succeeded, from, to }
    }
}

tenancy::fields! {
    /// The page of a list.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct Paging {
        /// The maximum number of items to return.
        #[param(required = false, value_type = u32, minimum = 1, maximum = 100, default = 50)]
        limit: Limit = Limit::DEFAULT,
        /// The `next_cursor` of the previous page.
        #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{32}$")]
        cursor: Option<Cursor>,
    }
}

tenancy::fields! {
    /// The format of an export.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct FileFormat {
        /// The format: CSV with a header line, or one JSON object per line.
        #[param(required = false, default = "ndjson")]
        format: Format = Format::Ndjson,
    }
}

/// A page of the audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditPage)]
pub struct Page {
    items: Vec<LoggedEvent>,
    /// The cursor of the next page, or null on the last page.
    next_cursor: Option<String>,
}

/// Returns a page of the events that a filter selects.
pub async fn list(context: &Context, filter: &Filter, paging: Paging) -> Result<Response> {
    let catalog = context.catalog().await?;
    let (events, next) = audit::list(&*catalog, filter, paging.cursor, paging.limit.get()).await?;
    let items = log::readable(context, events);
    Ok(Response::ok(&Page { items, next_cursor: next.map(Cursor::to_text) }))
}

/// Returns all events that a filter selects, as a file.
pub async fn export(context: &Rc<Context>, filter: Filter, file: FileFormat) -> Result<Response> {
    let export = Export::begin(context, filter, file.format).await?;
    let name = match file.format {
        Format::Csv => "attachment; filename=\"audit.csv\"",
        Format::Ndjson => "attachment; filename=\"audit.ndjson\"",
    };
    let content_type = HeaderValue::from_static(file.format.content_type());
    Ok(Response::stream(None, export)
        .with_header(header::CONTENT_TYPE, content_type)
        .with_header(header::CONTENT_DISPOSITION, HeaderValue::from_static(name)))
}
