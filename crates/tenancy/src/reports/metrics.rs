//! The text format of Prometheus, version 0.0.4.

use std::{collections::BTreeMap, fmt::Write as _};

use futures::join;
use platform::redis::{Argument, Reply};

use crate::{
    audit,
    context::Context,
    counter_sums, database_role,
    error::Result,
    log,
    metrics::counters::{BOUNDS, INFINITE, known_series, seconds},
    quota, redis_key,
    reports::health,
    resource::Resource,
    tenant::repo::{self, TenantCount},
};

/// The metric families: name, type and help text.
const FAMILIES: [(&str, &str, &str); 12] = [
    ("tenancy_http_requests_total", "counter", "Completed requests, by route, method and status."),
    (
        "tenancy_http_request_duration_seconds",
        "histogram",
        "Time from a request to its response, by route.",
    ),
    ("tenancy_logins_total", "counter", "Sign-ins with a password, by result."),
    ("tenancy_quota_refusals_total", "counter", "Requests refused by a quota, by resource."),
    ("tenancy_rate_limited_total", "counter", "Requests refused by a per-minute rate limit."),
    (
        "tenancy_breached_password_checks_total",
        "counter",
        "New passwords that were looked up in the list of breached passwords, by result.",
    ),
    ("tenancy_leases_total", "counter", "Requests of an instance for a lease, by result."),
    (
        "tenancy_lease_units_forfeited_total",
        "counter",
        "Calls of leases that stay counted although they were not made.",
    ),
    (
        "tenancy_lease_wait_seconds",
        "histogram",
        "Time for which changes waited for the end of leases.",
    ),
    ("tenancy_redis_duration_seconds", "histogram", "Duration of Redis calls."),
    ("tenancy_postgres_duration_seconds", "histogram", "Duration of PostgreSQL statements."),
    ("tenancy_provisioning_duration_seconds", "histogram", "Duration of tenant provisioning."),
];

/// Renders all metrics and the numbers of tenants. The families of an unavailable store are omitted.
pub async fn render(context: &Context) -> String {
    counter_sums::add(context).await;
    let (counted, catalog, key_value) =
        join!(counted(context), of_catalog(context), health::check_key_value(context));
    if let Err(error) = &key_value {
        log::warning(context, "the key-value store is unavailable", error);
    }
    let mut text = String::new();
    for (name, kind, help) in FAMILIES {
        let Ok(counted) = &counted else { break };
        head(&mut text, name, kind, help);
        for (series, amount) in counted {
            let (family, labels) = split(series);
            if kind == "counter" && family == name {
                line(&mut text, series, &amount.to_string());
            }
            if let ("histogram", Some("_sum")) = (kind, family.strip_prefix(name)) {
                histogram(&mut text, name, labels, counted);
                line(&mut text, series, &seconds(*amount));
            }
        }
    }
    if let Ok(FromCatalog { tenants, waiting, credentials, bytes }) = &catalog {
        head(&mut text, "tenancy_tenants", "gauge", "Tenants, by status and plan.");
        for TenantCount { status, plan, count } in tenants {
            let series = format!("tenancy_tenants{{status=\"{status}\",plan=\"{plan}\"}}");
            line(&mut text, &series, &count.to_string());
        }
        let help = "Audit events in the outbox of the catalog.";
        head(&mut text, "tenancy_audit_events_waiting", "gauge", help);
        line(&mut text, "tenancy_audit_events_waiting", &waiting.to_string());
        let help = "Database credentials that have not ended.";
        head(&mut text, "tenancy_database_credentials", "gauge", help);
        line(&mut text, "tenancy_database_credentials", &credentials.to_string());
        let help = "The last recorded sizes of all tenants' databases together.";
        head(&mut text, "tenancy_database_bytes", "gauge", help);
        line(&mut text, "tenancy_database_bytes", &bytes.to_string());
    }
    head(&mut text, "tenancy_store_up", "gauge", "Whether a store is available.");
    for (store, is_up) in [
        ("redis", counted.is_ok()),
        ("postgres", catalog.is_ok()),
        ("key_value", key_value.is_ok()),
    ] {
        let series = format!("tenancy_store_up{{store=\"{store}\"}}");
        line(&mut text, &series, if is_up { "1" } else { "0" });
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, series: &str, value: &str) {
    let _ = writeln!(text, "{series} {value}");
}

/// Splits a series into its name and its labels without braces.
fn split(series: &str) -> (&str, &str) {
    series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest.trim_end_matches('}')))
}

/// Renders the cumulative buckets of a histogram and the total count.
fn histogram(text: &mut String, name: &str, labels: &str, counted: &BTreeMap<String, u64>) {
    let separator = if labels.is_empty() { "" } else { "," };
    let mut total = 0;
    for bound in BOUNDS.map(seconds).iter().map(String::as_str).chain([INFINITE]) {
        let series = format!("{name}_bucket{{{labels}{separator}le=\"{bound}\"}}");
        total += counted.get(&series).copied().unwrap_or(0);
        line(text, &series, &total.to_string());
    }
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    line(text, &format!("{name}_count{braced}"), &total.to_string());
}

/// Returns the counts of all instances.
async fn counted(context: &Context) -> Result<BTreeMap<String, u64>> {
    let key = Argument::Key(redis_key::COUNTERS);
    let replies = match context.platform.redis.execute("HGETALL", &[key]).await {
        Ok(replies) => replies,
        Err(error) => {
            let error = error.into();
            log::warning(context, "Redis unavailable; request metrics are omitted", &error);
            return Err(error);
        }
    };
    let mut counted: BTreeMap<_, _> = known_series().map(|series| (series, 0)).collect();
    for pair in replies.chunks_exact(2) {
        let series = pair[0].as_bytes().map(String::from_utf8_lossy);
        if let (Some(series), Some(amount)) = (series, pair.get(1).and_then(Reply::as_int)) {
            counted.insert(series.into_owned(), amount.max(0).unsigned_abs());
        }
    }
    Ok(counted)
}

/// The metrics of the catalog.
struct FromCatalog {
    tenants: Vec<TenantCount>,
    /// The audit events in the catalog's outbox. The outboxes in the tenants' databases are not counted, because each
    /// would need a connection. Maintenance reports them.
    waiting: i64,
    credentials: i64,
    /// The sizes that maintenance recorded last.
    bytes: i64,
}

async fn of_catalog(context: &Context) -> Result<FromCatalog> {
    let counted = async {
        let catalog = context.catalog().await?;
        Ok(FromCatalog {
            tenants: repo::count(&*catalog).await?,
            waiting: audit::count_waiting(&*catalog).await?,
            credentials: database_role::count(&*catalog).await?,
            bytes: quota::repo::sum_latest(&*catalog, Resource::Database).await?,
        })
    };
    counted.await.inspect_err(|error| {
        log::warning(context, "PostgreSQL unavailable; tenant metrics are omitted", error);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_rendered_cumulatively() {
        let counted = [("x_bucket{a=\"b\",le=\"0.005\"}", 2), ("x_bucket{a=\"b\",le=\"+Inf\"}", 1)];
        let mut text = String::new();
        let counted = counted.map(|(series, amount)| (series.to_owned(), amount)).into();
        histogram(&mut text, "x", "a=\"b\"", &counted);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), BOUNDS.len() + 2);
        assert_eq!(
            [lines[1], lines[2], lines[11], lines[12], lines[13]],
            [
                "x_bucket{a=\"b\",le=\"0.0025\"} 0",
                "x_bucket{a=\"b\",le=\"0.005\"} 2",
                "x_bucket{a=\"b\",le=\"10\"} 2",
                "x_bucket{a=\"b\",le=\"+Inf\"} 3",
                "x_count{a=\"b\"} 3",
            ]
        );
    }
}
