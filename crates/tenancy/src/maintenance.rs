//! Maintenance: work that requests and crashes leave unfinished, done for all tenants.
//!
//! Only the service can reach the key-value store, so `tenantctl repair` cannot remove chunks. An operator calls this
//! endpoint regularly. A call ends after a time budget and returns the cursor for the next call. The failure of one
//! tenant does not stop the others.

use std::time::Duration;

use chrono::TimeDelta;
use platform::sql::Connection;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    audit,
    context::Context,
    database_credential,
    error::{Error, Result},
    lifecycle::creation,
    log,
    mail::{messages, sending},
    personal_data::erasure,
    quota,
    storage::{self, orphans},
    tenant::{TenantRecord, repo},
    verified_address,
    version_cache::queue,
};

/// The time budget of a call. Hosts and proxies end a request after 30 s or later.
const BUDGET: Duration = Duration::from_secs(20);
/// How long the report of an idempotency key is kept.
const REPORTS_EXPIRE: TimeDelta = TimeDelta::hours(24);

/// The work that a maintenance call did.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MaintenanceReport)]
pub struct Report {
    /// The number of tenants whose files were processed.
    pub tenants: u64,
    /// The number of tenants and tasks that failed. The log has the reasons.
    pub failures: u64,
    /// The number of files whose chunks were removed: deleted files, replaced files, and uploads without progress for
    /// ten minutes.
    pub removed_files: u64,
    /// The number of files of destroyed tenants whose chunks were removed.
    pub removed_orphans: u64,
    /// The number of queued changes that were published to Redis.
    pub published_changes: u64,
    /// The number of expired idempotency keys that were removed.
    pub expired_idempotency_keys: u64,
    /// The number of audit events that were moved from an outbox to their trail.
    pub chained_audit_events: u64,
    /// The number of forged rows that were removed from outboxes. The platform's audit trail has the number for each
    /// tenant.
    pub forged_audit_events: u64,
    /// The number of audit trails whose ends were anchored in the platform's trail, which happens once a day.
    pub anchored_audit_trails: u64,
    /// The number of expired usage reports that were removed.
    pub expired_usage_reports: u64,
    /// The number of database credentials whose roles were removed, because they had expired or their owner had ended.
    pub ended_database_credentials: u64,
    /// The number of erasures of users that were interrupted and are complete now.
    pub finished_user_erasures: u64,
    /// The number of changes of verified addresses that the catalog did not have.
    pub published_addresses: u64,
    /// The number of messages that were removed, because they were sent or became dead a week ago.
    pub removed_mail_messages: u64,
    /// The cursor of the next call: pass it as the parameter `after`. Null when every tenant was processed.
    pub next_cursor: Option<Uuid>,
}

/// Does the work of the platform, then the work of each tenant whose id is greater than `after`.
///
/// # Errors
/// [`crate::Error::Unavailable`] while the catalog is unavailable.
pub async fn run(context: &Context, after: Option<Uuid>) -> Result<Report> {
    let begin = context.platform.clock.monotonic_micros();
    let budget = u64::try_from(BUDGET.as_micros()).unwrap_or(u64::MAX);
    let is_over = || context.platform.clock.monotonic_micros().saturating_sub(begin) > budget;
    let mut report = Report::default();
    let catalog = context.catalog().await?;
    if after.is_none() {
        let keys = creation::forget_idempotency_keys(&*catalog).await;
        let keys = keys.map(i64::unsigned_abs);
        report.expired_idempotency_keys = report.count(context, keys);
        let before = context.platform.clock.now() - REPORTS_EXPIRE;
        let reports = quota::repo::forget_reports(&*catalog, before).await;
        report.expired_usage_reports = report.count(context, reports);
        let published = queue::work_off(context).await;
        report.published_changes = report.count(context, published);
        let credentials = database_credential::end_orphaned(context).await;
        report.ended_database_credentials = report.count(context, credentials);
        let orphans = orphans::maintain(context, is_over).await.map(|(removed, _)| removed);
        report.removed_orphans = report.count(context, orphans);
        let moved = audit::recover_catalog(context).await;
        report.add_moved(context, moved);
        let anchored = audit::anchor_if_due(context).await.map(Option::unwrap_or_default);
        report.anchored_audit_trails = report.count(context, anchored);
    }
    let rows = repo::list_with_database(&*catalog).await?;
    for row in rows.unreadable {
        report.failures += 1;
        log::warning(context, "maintenance skipped an unreadable tenant", &Error::internal(row));
    }
    let mut tenants = rows.items;
    tenants.sort_by_key(|tenant| tenant.id);
    let mut last = after;
    for tenant in tenants.iter().filter(|tenant| after.is_none_or(|after| tenant.id > after)) {
        if is_over() {
            report.next_cursor = Some(last.unwrap_or(Uuid::nil()));
            break;
        }
        let visit = Visit { catalog: &*catalog, tenant };
        let moved = visit.outcome(audit::recover(context, tenant).await).await;
        report.add_moved(context, moved);
        let erasures = visit.outcome(erasure::recover(context, tenant).await).await;
        report.finished_user_erasures += report.count(context, erasures);
        let addresses = visit.outcome(verified_address::maintain(context, tenant).await).await;
        report.published_addresses += report.count(context, addresses);
        let messages = visit.outcome(messages::maintain(context, tenant).await).await;
        report.removed_mail_messages += report.count(context, messages);
        let restored = sending::restore_entry(context, tenant).await;
        if let Err(error) = visit.outcome(restored).await {
            report.failures += 1;
            log::warning(context, "the messages of a tenant wait for the next maintenance", &error);
        }
        let size = database_credential::record_size(context, tenant).await;
        if let Err(error) = visit.outcome(size).await {
            report.failures += 1;
            log::warning(context, "the size of a tenant's database was not recorded", &error);
        }
        let files = storage::maintain(context, tenant, is_over).await.map(Some);
        let is_done = match visit.outcome(files).await {
            Ok(None) => true,
            Ok(Some((removed, is_done))) => {
                report.removed_files += removed;
                is_done
            }
            Err(error) => {
                report.failures += 1;
                log::warning(context, "maintenance of a tenant's files failed", &error);
                true
            }
        };
        if !is_done {
            report.next_cursor = Some(last.unwrap_or(Uuid::nil()));
            break;
        }
        report.tenants += 1;
        last = Some(tenant.id);
    }
    Ok(report)
}

/// The maintenance of one tenant.
struct Visit<'a> {
    catalog: &'a dyn Connection,
    tenant: &'a TenantRecord,
}

impl Visit<'_> {
    /// Returns the outcome of a task, which is empty if it failed because the tenant was destroyed meanwhile.
    async fn outcome<T: Default>(&self, outcome: Result<T>) -> Result<T> {
        let outcome = repo::unless_destroyed(self.catalog, self.tenant.id, outcome).await;
        outcome.map(Option::unwrap_or_default)
    }
}

impl Report {
    /// Adds the events that were moved from outboxes, or a failure.
    fn add_moved(&mut self, context: &Context, moved: Result<audit::Moved>) {
        match moved {
            Ok(moved) => {
                self.chained_audit_events += moved.chained;
                self.forged_audit_events += moved.forged;
            }
            Err(error) => {
                self.failures += 1;
                log::warning(context, "could not move audit events from an outbox", &error);
            }
        }
    }

    /// Returns the count, or records a failure and returns 0.
    fn count(&mut self, context: &Context, outcome: Result<u64>) -> u64 {
        outcome.unwrap_or_else(|error| {
            self.failures += 1;
            log::warning(context, "a maintenance task failed", &error);
            0
        })
    }
}
