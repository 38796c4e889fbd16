//! Sorts the rows of an outbox into events and forged rows.
//!
//! A row without a seal is an event if an instance of the previous release may have written it: see decision 4. The
//! event is marked, because nothing proves it.

use chrono::{DateTime, TimeDelta, Utc};
use platform::sql::Connection;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::rows;
use crate::{
    context::Context,
    error::Result,
    event::{
        content,
        outbox::Waiting,
        seal::{self, Reason, Verdict},
    },
};

/// The maximum age of an event that cannot belong to a dropped month. Months are kept for longer than this.
const RECENT: TimeDelta = TimeDelta::days(27);

/// Events, and forged rows with their reasons.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) entries: Vec<(Uuid, Json)>,
    pub(super) forged: Vec<(Uuid, Reason)>,
}

/// Sorts the rows that wait for one chain.
pub(super) struct Sorter<'a> {
    context: &'a Context,
    catalog: &'a dyn Connection,
    tenant: Option<Uuid>,
    /// The time until which unsealed rows are accepted, once it was read for a row.
    accepts_unsealed_until: Option<DateTime<Utc>>,
    /// The first month of the trail, empty if there is none, once it was read for a row.
    first_month: Option<String>,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(
        context: &'a Context,
        catalog: &'a dyn Connection,
        tenant: Option<Uuid>,
    ) -> Self {
        Self { context, catalog, tenant, accepts_unsealed_until: None, first_month: None }
    }

    pub(super) async fn sort(&mut self, rows: Vec<Waiting>) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        let mut check = self.context.master_key.audit_check();
        for row in rows {
            let verdict = seal::judge(&mut check, self.tenant, row.id, row.entry)?;
            let entry = match verdict {
                Verdict::Genuine(entry) => Ok(entry),
                Verdict::Unsealed(entry)
                    if row.tenant == self.tenant
                        && self.accepts_unsealed(row.written_at.as_deref()).await? =>
                {
                    Ok(marked(entry))
                }
                Verdict::Unsealed(_) => Err(Reason::Unsealed),
                Verdict::Forged(reason) => Err(reason),
            };
            match entry {
                Ok(entry) if self.is_of_dropped_month(&entry).await? => {
                    sorted.forged.push((row.id, Reason::Replayed));
                }
                Ok(entry) => sorted.entries.push((row.id, entry)),
                Err(reason) => sorted.forged.push((row.id, reason)),
            }
        }
        Ok(sorted)
    }

    /// Returns whether a row without a seal may be from the previous release.
    async fn accepts_unsealed(&mut self, written_at: Option<&str>) -> Result<bool> {
        let written_at = match written_at {
            // The row was written in a database of the previous release, or before the migration.
            None | Some("-infinity") => return Ok(true),
            Some(text) => DateTime::parse_from_rfc3339(text),
        };
        let until = match self.accepts_unsealed_until {
            Some(until) => until,
            None => {
                let until = accepts_unsealed_until(self.catalog).await?;
                *self.accepts_unsealed_until.insert(until)
            }
        };
        Ok(written_at.is_ok_and(|written_at| written_at <= until))
    }

    /// Returns whether the month of an event was dropped. A genuine event of that month was chained before.
    async fn is_of_dropped_month(&mut self, entry: &Json) -> Result<bool> {
        let created_at = entry["created_at"].as_str().and_then(content::created_at);
        let now = self.context.platform.clock.now();
        let Some(created_at) = created_at.filter(|time| now - *time > RECENT) else {
            return Ok(false);
        };
        let first = match &self.first_month {
            Some(first) => first,
            None => {
                let first = rows::first_month(self.catalog).await?;
                self.first_month.insert(first.unwrap_or_default())
            }
        };
        let month = created_at.format("%Y_%m").to_string();
        Ok(month < *first)
    }
}

async fn accepts_unsealed_until(catalog: &dyn Connection) -> Result<DateTime<Utc>> {
    let statement = "SELECT accepts_unsealed_until AT TIME ZONE 'UTC' AS until FROM audit_sealing";
    let row = catalog.query_first(statement, &[]).await?;
    Ok(row.map_or(Ok(DateTime::UNIX_EPOCH), |row| row.get("until"))?)
}

/// Returns the event with a mark that nothing proves it.
fn marked(mut entry: Json) -> Json {
    entry["detail"]["unsealed"] = json!(true);
    entry
}
