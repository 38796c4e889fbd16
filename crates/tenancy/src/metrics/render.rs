//! The text format of Prometheus, version 0.0.4.

use std::{collections::BTreeMap, fmt::Write as _};

use super::counters::{KEY, seconds};
use crate::{
    error::Result,
    log,
    platform::redis::Reply,
    tenancy::Tenancy,
    tenant::repo::{self, TenantCount},
};

/// The families: name, type, and what they tell.
const FAMILIES: [(&str, &str, &str); 8] = [
    ("tenancy_http_requests_total", "counter", "Requests answered, by route, method and status."),
    (
        "tenancy_http_request_duration_seconds",
        "histogram",
        "Time from a request to its answer, by route.",
    ),
    ("tenancy_logins_total", "counter", "Sign-ins with a password, by result."),
    ("tenancy_quota_refusals_total", "counter", "Requests refused by a quota, by resource."),
    (
        "tenancy_rate_limited_total",
        "counter",
        "Requests refused by a limit of calls by the minute.",
    ),
    ("tenancy_redis_duration_seconds", "histogram", "Time of a call of Redis."),
    ("tenancy_postgres_duration_seconds", "histogram", "Time of a statement of PostgreSQL."),
    ("tenancy_provisioning_duration_seconds", "histogram", "Time in which a tenant was made."),
];

/// Everything that is counted, and how many tenants there are. A store that is away leaves out what it
/// would tell.
pub async fn render(tenancy: &Tenancy) -> String {
    tenancy.counters.write(tenancy).await;
    let counted = counted(tenancy).await;
    let tenants = tenants(tenancy).await;
    let mut text = String::new();
    for (name, kind, help) in FAMILIES {
        let Ok(counted) = &counted else { break };
        head(&mut text, name, kind, help);
        for (series, amount) in counted {
            let family = series.split_once('{').map_or(series.as_str(), |(name, _)| name);
            if kind == "counter" && family == name {
                line(&mut text, series, &amount.to_string());
            }
            if kind != "histogram" {
                continue;
            }
            match family.strip_prefix(name) {
                Some("_bucket" | "_count") => line(&mut text, series, &amount.to_string()),
                Some("_sum") => line(&mut text, series, &seconds(*amount)),
                _ => {}
            }
        }
    }
    if let Ok(tenants) = &tenants {
        head(&mut text, "tenancy_tenants", "gauge", "Tenants, by status and plan.");
        for TenantCount { status, plan, count } in tenants {
            let series = format!("tenancy_tenants{{status=\"{status}\",plan=\"{plan}\"}}");
            line(&mut text, &series, &count.to_string());
        }
    }
    head(&mut text, "tenancy_store_up", "gauge", "Whether a store answers.");
    for (store, is_up) in [("redis", counted.is_ok()), ("postgres", tenants.is_ok())] {
        let series = format!("tenancy_store_up{{store=\"{store}\"}}");
        line(&mut text, &series, if is_up { "1" } else { "0" });
    }
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(text: &mut String, series: &str, value: &str) {
    let _ = writeln!(text, "{series} {value}");
}

/// What all instances have counted, with the classes of a histogram in their order.
async fn counted(tenancy: &Tenancy) -> Result<Vec<(String, u64)>> {
    let replies = match tenancy.platform.redis.execute("HGETALL", &[KEY.into()]).await {
        Ok(replies) => replies,
        Err(error) => {
            let error = error.into();
            log::warning(tenancy, "metrics were not read", &error);
            return Err(error);
        }
    };
    let mut counted = BTreeMap::new();
    for pair in replies.chunks_exact(2) {
        let series = pair[0].as_bytes().map(String::from_utf8_lossy);
        if let (Some(series), Some(amount)) = (series, pair.get(1).and_then(Reply::as_int)) {
            counted.insert(order(&series), (series.into_owned(), amount.max(0).unsigned_abs()));
        }
    }
    Ok(counted.into_values().collect())
}

/// Sorts the classes of one series by their ends.
fn order(series: &str) -> (String, u64) {
    let Some((before, bound)) = series.split_once("le=\"") else {
        return (series.to_owned(), 0);
    };
    let bound = bound.trim_end_matches("\"}");
    let micros = match bound.split_once('.') {
        _ if bound == "+Inf" => u64::MAX,
        Some((whole, part)) => {
            whole.parse::<u64>().unwrap_or(0) * 1_000_000
                + format!("{part:0<6}").parse::<u64>().unwrap_or(0)
        }
        None => bound.parse::<u64>().unwrap_or(0) * 1_000_000,
    };
    (before.to_owned(), micros)
}

async fn tenants(tenancy: &Tenancy) -> Result<Vec<TenantCount>> {
    let counted = async {
        let catalog = tenancy.catalog().await?;
        repo::count(&*catalog).await
    };
    counted.await.inspect_err(|error| log::warning(tenancy, "tenants were not counted", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_the_order_of_their_ends() {
        let mut bounds = ["+Inf", "10", "0.001", "2.5", "0.0025"];
        bounds.sort_by_key(|bound| order(&format!("x_bucket{{le=\"{bound}\"}}")));
        assert_eq!(bounds, ["0.001", "0.0025", "2.5", "10", "+Inf"]);
    }
}
