//! The usage history.

use std::{fmt::Write as _, rc::Rc};

use chrono::{NaiveDate, TimeDelta};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit::csv_field,
    context::Context,
    error::{Error, Result},
    input::Text,
    quota::{
        Counter,
        repo::{self, Granularity, HistoryFilter, Used},
    },
    resource::Resource,
};

/// The default number of days.
const DEFAULT_DAYS: i64 = 30;
/// The maximum number of days in one response.
const MOST_DAYS: i64 = 3_660;
/// The maximum number of lines of a CSV file.
const MOST_LINES: u32 = 100_000;

/// The format of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HistoryFormat)]
pub enum Format {
    /// A page of a list.
    Json,
    /// Comma-separated values with a header line (RFC 4180).
    Csv,
}

impl Text for Format {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("must be json or csv".to_owned()),
        }
    }
}

/// The parameters of a request for the history.
pub struct HistoryRequest {
    /// Only this tenant.
    pub tenant: Option<Uuid>,
    /// Only this resource.
    pub resource: Option<Resource>,
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
    /// The period over which the usage is aggregated.
    pub granularity: Granularity,
    /// The format of the response.
    pub format: Format,
    /// The number of entries to skip.
    pub offset: u32,
    /// The maximum number of entries of a page.
    pub limit: u32,
}

/// The usage history in the requested format.
pub enum History {
    /// A page of a list.
    Page {
        /// The entries on the page.
        items: Vec<Used>,
        /// The total number of entries.
        total: i64,
        /// The number of entries before the page.
        offset: u32,
        /// The maximum number of entries on the page.
        limit: u32,
    },
    /// Comma-separated values with a header line (RFC 4180).
    Csv(Vec<u8>),
}

/// Returns the usage history.
///
/// # Errors
/// [`Error::InvalidFields`] for `from` if it is after `to`, or more than ten years before it.
pub async fn find(context: &Rc<Context>, request: HistoryRequest) -> Result<History> {
    let today = context.platform.clock.now().date_naive();
    let to = request.to.unwrap_or(today);
    let from = request.from.unwrap_or(to - TimeDelta::days(DEFAULT_DAYS));
    if from > to {
        return Err(Error::invalid_field("from", "must not be after to"));
    }
    if (to - from).num_days() > MOST_DAYS {
        return Err(Error::invalid_field("from", "must be at most ten years before to"));
    }
    if let (Some(tenant), true) = (request.tenant, (from..=to).contains(&today)) {
        keep_today(context, tenant, today).await?;
    }
    let (offset, limit) = match request.format {
        Format::Json => (request.offset, request.limit),
        Format::Csv => (0, MOST_LINES),
    };
    let filter = HistoryFilter {
        tenant: request.tenant,
        resource: request.resource,
        from,
        to,
        granularity: request.granularity,
        offset,
        limit,
    };
    let catalog = context.catalog().await?;
    let (items, total) = repo::history(&*catalog, &filter).await?;
    Ok(match request.format {
        Format::Json => History::Page { items, total, offset, limit },
        Format::Csv => History::Csv(csv(&items)),
    })
}

/// Stores the counts of today that Redis has from all instances.
async fn keep_today(context: &Context, tenant: Uuid, today: NaiveDate) -> Result<()> {
    let counted = crate::quota::current(context, tenant, today).await?;
    let counted = counted
        .into_iter()
        .filter(|(_, amount)| *amount > 0)
        .map(|(resource, amount)| ((tenant, Counter::Tenant(resource), today), amount));
    let catalog = context.catalog().await?;
    repo::keep(&*catalog, &counted.collect()).await
}

fn csv(items: &[Used]) -> Vec<u8> {
    let mut text = "period,tenant_id,tenant_slug,resource_type,amount\r\n".to_owned();
    for used in items {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{},{},{},{},{}\r\n",
            used.period,
            used.tenant_id,
            csv_field(&used.tenant_slug),
            used.resource_type,
            used.amount
        );
    }
    text.into_bytes()
}
