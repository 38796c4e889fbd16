//! Exports the trail page by page as a file: CSV (RFC 4180), or one JSON object per line.

use std::{fmt::Write as _, rc::Rc};

use async_trait::async_trait;
use chrono::SecondsFormat;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    lease::Lease,
    trail::{self, Cursor, Filter, LoggedEvent},
};
use crate::{
    body::BodyReader,
    context::Context,
    error::{Error, Result},
    input::Text,
    limiter::Limiter,
    log,
};

/// The number of rows of a page.
const PAGE: u32 = 500;

/// The number of pages that an instance writes concurrently.
const AT_ONCE: u32 = 2;

/// The exports of an instance.
struct Exports(Limiter);

impl Default for Exports {
    fn default() -> Self {
        Self(Limiter::new("exports", AT_ONCE))
    }
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportFormat)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

impl Format {
    /// Returns the media type of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

impl Text for Format {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => Err("must be csv or ndjson".to_owned()),
        }
    }
}

/// A running export of the rows that a filter selects.
pub struct Export {
    context: Rc<Context>,
    filter: Filter,
    format: Format,
    /// `None` at the end.
    next: Option<Next>,
    /// The lease of this export. A tenant has one export at a time.
    lease: Lease,
}

enum Next {
    Begin,
    After(Cursor),
}

impl Export {
    /// Begins an export. A tenant has one at a time.
    ///
    /// # Errors
    /// [`Error::RateLimited`] while another export of the tenant is running.
    pub async fn begin(context: &Rc<Context>, filter: Filter, format: Format) -> Result<Self> {
        let lease = Lease::take(context, filter.tenant, "export").await?;
        let context = Rc::clone(context);
        Ok(Self { context, filter, format, next: Some(Next::Begin), lease })
    }

    async fn page(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(next) = self.next.take() else { return Ok(None) };
        let mut text = String::new();
        let after = match next {
            Next::Begin => {
                if self.format == Format::Csv {
                    text.push_str(CSV_HEAD);
                }
                None
            }
            Next::After(cursor) => Some(cursor),
        };
        self.lease.renew().await?;
        // A slot of the instance is held only for one page, so a slow reader does not block other tenants.
        let _slot =
            self.context.state::<Exports>().0.enter(&*self.context.platform.executor).await?;
        let catalog = self.context.catalog().await?;
        let (events, next) = trail::list(&*catalog, &self.filter, after, PAGE).await?;
        let events = log::readable(&self.context, events);
        for event in &events {
            match self.format {
                Format::Csv => write_csv(&mut text, event),
                Format::Ndjson => {
                    text.push_str(&serde_json::to_string(event).map_err(Error::internal)?);
                    text.push('\n');
                }
            }
        }
        self.next = next.map(Next::After);
        Ok(Some(text.into_bytes()).filter(|bytes| !bytes.is_empty()))
    }
}

#[async_trait(?Send)]
impl BodyReader for Export {
    async fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let page = self.page().await;
        if let Err(error) = &page {
            log::warning(&self.context, "an audit export was interrupted", error);
        }
        page
    }
}

const CSV_HEAD: &str = "created_at,tenant_id,sequence,event,severity,result,actor_type,actor_id,\
                        resource_type,resource_id,address,user_agent,request_id,detail,id\r\n";

fn write_csv(text: &mut String, event: &LoggedEvent) {
    let own = |value: &Option<String>| value.clone().unwrap_or_default();
    let fields = [
        event.created_at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        event.tenant_id.map(|id| id.to_string()).unwrap_or_default(),
        event.sequence.to_string(),
        event.event.clone(),
        event.severity.clone(),
        event.result.clone(),
        event.actor_type.clone(),
        own(&event.actor_id),
        own(&event.resource_type),
        own(&event.resource_id),
        own(&event.address),
        own(&event.user_agent),
        own(&event.request_id),
        event.detail.to_string(),
        event.id.to_string(),
    ];
    let fields = fields.iter().map(|field| csv_field(field)).collect::<Vec<_>>();
    // Writing to a string does not fail.
    let _ = write!(text, "{}\r\n", fields.join(","));
}

/// Returns a field, in quotes if it needs them. A field that a spreadsheet would take for a formula is turned into
/// text.
pub fn csv_field(field: &str) -> String {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !field.contains([',', '"', '\r', '\n']) {
        return field.to_owned();
    }
    format!("\"{guard}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_fields_are_quoted() {
        for (field, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@cmd", "\"'@cmd\""),
        ] {
            assert_eq!(csv_field(field), expected);
        }
    }
}
