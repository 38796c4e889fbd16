//! The work that requests and crashes leave for later, finished for all tenants.
//!
//! Only the service reaches the key-value store, so `tenantctl repair` cannot remove chunks. An operator calls this
//! regularly. A call ends after a while and says where the next one goes on. A tenant that fails does not stop the
//! others.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    admission::queue,
    audit,
    error::{Error, Result},
    log, quota, storage,
    storage::orphans,
    tenancy::Tenancy,
    tenant::repo::{self, creation},
};

/// How long a call works before it ends. Hosts and proxies end a request after 30 s or later.
const BUDGET: Duration = Duration::from_secs(20);
/// How long the report of an idempotency key is kept.
const REPORTS_EXPIRE: TimeDelta = TimeDelta::hours(24);

/// The work of a call.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MaintenanceReport)]
pub struct Report {
    /// Tenants whose files were looked after.
    pub tenants: u64,
    /// Tenants and tasks that failed. The log has the reasons.
    pub failures: u64,
    /// Files whose chunks were removed: deleted, replaced, or of uploads without progress for ten minutes.
    pub removed_files: u64,
    /// Files of destroyed tenants whose chunks were removed.
    pub removed_orphans: u64,
    /// Queued changes that were published to Redis.
    pub published_changes: u64,
    /// Idempotency keys that had expired.
    pub expired_idempotency_keys: u64,
    /// Audit events that waited in an outbox and were moved to their trail.
    pub chained_audit_events: u64,
    /// Forged rows that were removed from outboxes. The platform's audit trail has their number for each tenant.
    pub forged_audit_events: u64,
    /// Audit trails whose ends were anchored in the platform's trail, once a day.
    pub anchored_audit_trails: u64,
    /// Reports of usage that had expired.
    pub expired_usage_reports: u64,
    /// Where the next call goes on: the value of its parameter `after`. Null when everything was looked after.
    pub next_cursor: Option<Uuid>,
}

/// Does the work of the platform, then that of each tenant whose id comes after `after`.
///
/// # Errors
/// [`crate::Error::Unavailable`] while the catalog is away.
pub async fn run(tenancy: &Tenancy, after: Option<Uuid>) -> Result<Report> {
    let begin = tenancy.platform.clock.monotonic_micros();
    let budget = u64::try_from(BUDGET.as_micros()).unwrap_or(u64::MAX);
    let is_over = || tenancy.platform.clock.monotonic_micros().saturating_sub(begin) > budget;
    let mut report = Report::default();
    let catalog = tenancy.catalog().await?;
    if after.is_none() {
        let keys = creation::forget_idempotency_keys(&*catalog).await;
        let keys = keys.map(i64::unsigned_abs);
        report.expired_idempotency_keys = report.count(tenancy, keys);
        let before = tenancy.platform.clock.now() - REPORTS_EXPIRE;
        let reports = quota::repo::forget_reports(&*catalog, before).await;
        report.expired_usage_reports = report.count(tenancy, reports);
        let published = queue::work_off(tenancy).await;
        report.published_changes = report.count(tenancy, published);
        let orphans = orphans::maintain(tenancy, is_over).await.map(|(removed, _)| removed);
        report.removed_orphans = report.count(tenancy, orphans);
        let moved = audit::recover_catalog(tenancy).await;
        report.add_moved(tenancy, moved);
        let anchored = audit::anchor_if_due(tenancy).await.map(Option::unwrap_or_default);
        report.anchored_audit_trails = report.count(tenancy, anchored);
    }
    let rows = repo::list_with_database(&*catalog).await?;
    for row in rows.unreadable {
        report.failures += 1;
        log::warning(tenancy, "a tenant waits for maintenance", &Error::internal(row));
    }
    let mut tenants = rows.items;
    tenants.sort_by_key(|tenant| tenant.id);
    let mut last = after;
    for tenant in tenants.iter().filter(|tenant| after.is_none_or(|after| tenant.id > after)) {
        if is_over() {
            report.next_cursor = Some(last.unwrap_or(Uuid::nil()));
            break;
        }
        let moved = audit::recover(tenancy, tenant).await;
        report.add_moved(tenancy, moved);
        let is_done = match storage::maintain(tenancy, tenant, is_over).await {
            Ok((removed, is_done)) => {
                report.removed_files += removed;
                is_done
            }
            Err(error) => {
                report.failures += 1;
                log::warning(tenancy, "the files of a tenant wait for maintenance", &error);
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

impl Report {
    /// Adds what was moved from outboxes, or a failure.
    fn add_moved(&mut self, tenancy: &Tenancy, moved: Result<audit::Moved>) {
        match moved {
            Ok(moved) => {
                self.chained_audit_events += moved.chained;
                self.forged_audit_events += moved.forged;
            }
            Err(error) => {
                self.failures += 1;
                log::warning(tenancy, "audit events wait in an outbox", &error);
            }
        }
    }

    /// Returns a count, or 0 when the task failed.
    fn count(&mut self, tenancy: &Tenancy, outcome: Result<u64>) -> u64 {
        outcome.unwrap_or_else(|error| {
            self.failures += 1;
            log::warning(tenancy, "a task of the maintenance failed", &error);
            0
        })
    }
}
