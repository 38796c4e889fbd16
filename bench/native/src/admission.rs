//! The one Redis call of a request, by the application's own script.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use redis::{Client, Value, aio::MultiplexedConnection};

use crate::token::Claims;

const ADMIT: &str = include_str!("../../../crates/tenancy/src/admission/admit.lua");
/// Seconds for which a version counts. The application compares with PostgreSQL each minute; here is
/// none, so a version counts for as long as Redis has it.
const FRESH: i64 = 600;
/// Seconds for which the counter of a day is kept.
const COUNTER_KEPT: i64 = 3 * 24 * 60 * 60;
/// What the script says of a call that was counted.
const COUNTED: i64 = 1;
/// The limits in the order in which the script tells of them, with the seconds of their windows.
const LIMITS: [(&str, u32); 2] = [("minute", 60), ("day", 86_400)];

pub(crate) struct Admission {
    connection: MultiplexedConnection,
    /// The script's name in Redis.
    script: String,
    tenant_version: i64,
}

/// Where the limits of a tenant stand.
#[derive(Default)]
pub(crate) struct Meter {
    pub(crate) policy: String,
    pub(crate) remaining: String,
}

impl Admission {
    pub(crate) async fn connect(redis_url: &str, tenant_version: i64) -> Result<Self> {
        let client = Client::open(redis_url)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let mut load = redis::cmd("SCRIPT");
        let script = load.arg("LOAD").arg(ADMIT).query_async(&mut connection).await?;
        Ok(Self { connection, script, tenant_version })
    }

    /// Counts a call of somebody who may act.
    pub(crate) async fn admit(&self, claims: &Claims) -> Result<Meter> {
        let tenant = claims.tid;
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(&self.script)
            .arg(3)
            .arg(format!("t:{{{tenant}}}:tenant"))
            .arg(format!("t:{{{tenant}}}:user:{}", claims.sub))
            .arg(format!("t:{{{tenant}}}:session:{}", claims.sid))
            .arg(self.tenant_version)
            .arg(claims.ver)
            .arg("all")
            .arg(FRESH)
            .arg(COUNTER_KEPT);
        let told: Vec<Value> = command.query_async(&mut self.connection.clone()).await?;
        let int = |index: usize| match told.get(index) {
            Some(Value::Int(number)) if *number >= 0 => Some(*number),
            _ => None,
        };
        ensure!(int(2) == Some(self.tenant_version), "the tenant has changed: {told:?}");
        ensure!(int(4) == Some(claims.ver) && int(6) == Some(1), "the user has changed: {told:?}");
        ensure!(int(8) == Some(COUNTED), "the call was not counted: {told:?}");
        Meter::of(int).context("the answer of Redis has no limits")
    }
}

impl Meter {
    fn of(int: impl Fn(usize) -> Option<i64>) -> Option<Self> {
        let mut meter = Self::default();
        for (index, (name, window)) in LIMITS.into_iter().enumerate() {
            let place = 12 + index * 3;
            let (limit, used, reset) = (int(place)?, int(place + 1)?, int(place + 2)?);
            let separator = if index == 0 { "" } else { ", " };
            let left = limit.saturating_sub(used).max(0);
            write!(meter.policy, "{separator}\"{name}\";q={limit};w={window}").ok()?;
            write!(meter.remaining, "{separator}\"{name}\";r={left};t={reset}").ok()?;
        }
        Some(meter)
    }
}
