//! The health of the stores.

use futures::join;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    context::Context,
    error::{InvalidSetting, Result},
    log, migrate, storage,
};

/// The health of the service and of each store. The report contains no secrets: the reason for an outage is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub struct Report {
    /// The health of the whole service.
    pub status: Status,
    /// The catalog in PostgreSQL. If it is unavailable, nothing new can be stored.
    pub catalog: Check,
    /// Redis. If it is unavailable, requests are slower.
    pub redis: Check,
    /// The key-value store. If it is unavailable, files are unavailable.
    pub key_value: Check,
    /// Settings that prevent the service from running.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

/// The health of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = HealthStatus)]
pub enum Status {
    /// All stores are available.
    Healthy,
    /// A store is unavailable, but requests are served.
    Degraded,
    /// Requests fail.
    Unhealthy,
}

/// The health of a store.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// The state of the store.
    pub status: CheckStatus,
    /// The response time of the store, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
}

/// The state of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// The store responds.
    Healthy,
    /// The store does not respond.
    Unavailable,
    /// The store responds, but its schema is older than the service requires.
    NotMigrated,
    /// The store was not checked, because the service cannot run.
    Unknown,
}

/// Checks all stores concurrently.
pub async fn check(context: &Context) -> Report {
    let (catalog, redis, key_value) = join!(
        measure(context, check_catalog(context)),
        measure(context, check_redis(context)),
        measure(context, check_key_value(context)),
    );
    let healthy = |check: &Check| check.status == CheckStatus::Healthy;
    let status = match (healthy(&catalog), healthy(&redis) && healthy(&key_value)) {
        (true, true) => Status::Healthy,
        (true, false) => Status::Degraded,
        (false, _) => Status::Unhealthy,
    };
    Report { status, catalog, redis, key_value, settings: Vec::new() }
}

/// Returns the report of a service that cannot run with its settings.
pub fn misconfigured(settings: &[InvalidSetting]) -> Report {
    let unknown = || Check { status: CheckStatus::Unknown, latency_ms: None };
    Report {
        status: Status::Unhealthy,
        catalog: unknown(),
        redis: unknown(),
        key_value: unknown(),
        settings: settings.iter().map(ToString::to_string).collect(),
    }
}

async fn measure(context: &Context, check: impl Future<Output = Result<CheckStatus>>) -> Check {
    let clock = &context.platform.clock;
    let start = clock.monotonic_micros();
    let outcome = check.await;
    let micros = clock.monotonic_micros().saturating_sub(start);
    match outcome {
        Ok(status) => {
            let latency_ms = u32::try_from(micros).ok().map(|micros| f64::from(micros) / 1_000.0);
            Check { status, latency_ms }
        }
        Err(error) => {
            log::warning(context, "a store is unavailable", &error);
            Check { status: CheckStatus::Unavailable, latency_ms: None }
        }
    }
}

async fn check_catalog(context: &Context) -> Result<CheckStatus> {
    let catalog = context.catalog().await?;
    let version = migrate::version(&*catalog).await?;
    Ok(if version >= migrate::newest(migrate::CATALOG) {
        CheckStatus::Healthy
    } else {
        CheckStatus::NotMigrated
    })
}

async fn check_redis(context: &Context) -> Result<CheckStatus> {
    context.platform.redis.execute("PING", &[]).await?;
    Ok(CheckStatus::Healthy)
}

/// Checks the key-value store.
pub(crate) async fn check_key_value(context: &Context) -> Result<CheckStatus> {
    context.platform.key_value.get(storage::STORE, "health").await?;
    Ok(CheckStatus::Healthy)
}
