//! The Redis call of a request, with the application's script.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use redis::{Client, Value, aio::MultiplexedConnection};

use platform::redis::{ProcessId, Reply};
use tenancy::admission::{Metering, protocol};

use crate::token::Claims;

/// The limits in the order of the script's reply, with their windows in seconds.
const LIMITS: [(&str, u32); 2] = [("minute", 60), ("day", 86_400)];

pub(crate) struct Admission {
    connection: MultiplexedConnection,
    /// The digest of the script in Redis.
    script: String,
    /// The Redis process of the connection. Each key starts with it.
    process: String,
    tenant_version: i64,
}

/// The rate-limit headers of a tenant.
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
        let script =
            load.arg("LOAD").arg(protocol::ADMIT.source()).query_async(&mut connection).await?;
        let info: Vec<u8> = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        let process = ProcessId::of_info(&[Reply::Bytes(info)])?;
        let process = String::from_utf8(process.digits().to_vec())?;
        Ok(Self { connection, script, process, tenant_version })
    }

    /// Counts a call of a valid caller.
    pub(crate) async fn admit(&self, claims: &Claims) -> Result<Meter> {
        let (process, tenant) = (&self.process, claims.tid);
        let keys = [
            format!("{process}:t:{{{tenant}}}:tenant"),
            format!("{process}:t:{{{tenant}}}:user:{}", claims.sub),
            format!("{process}:t:{{{tenant}}}:session:{}", claims.sid),
        ];
        let mut reply = self.ask(&keys, claims).await?;
        if !reply.is_counted() {
            self.renew(&keys).await?;
            reply = self.ask(&keys, claims).await?;
        }
        ensure!(reply.int(0) == Some(self.tenant_version), "the tenant has changed: {reply:?}");
        ensure!(
            reply.int(2) == Some(claims.ver) && reply.int(4) == Some(1),
            "the user has changed: {reply:?}"
        );
        ensure!(reply.is_counted(), "the call was not counted: {reply:?}");
        Meter::of(&reply).context("the reply of Redis has no limits")
    }

    async fn ask(&self, keys: &[String; 3], claims: &Claims) -> Result<ScriptReply> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.script).arg(3).arg(keys);
        command.arg(self.tenant_version).arg(claims.ver).arg(Metering::All as i64);
        let answer: (Value, Value, Vec<u8>) =
            command.query_async(&mut self.connection.clone()).await?;
        let numbers = answer.2.as_chunks::<8>().0.iter().copied().map(i64::from_be_bytes);
        Ok(ScriptReply(numbers.collect()))
    }

    /// Makes the versions fresh for another minute. The application compares them with PostgreSQL, which this service
    /// does not have.
    async fn renew(&self, keys: &[String; 3]) -> Result<()> {
        let mut connection = self.connection.clone();
        let (now, _): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await?;
        for key in keys {
            let mut command = redis::cmd("HSET");
            command.arg(key).arg("checked").arg(now).exec_async(&mut connection).await?;
        }
        Ok(())
    }
}

/// The numbers in the script's reply.
#[derive(Debug)]
struct ScriptReply(Vec<i64>);

impl ScriptReply {
    fn int(&self, index: usize) -> Option<i64> {
        self.0.get(index).copied().filter(|number| *number >= 0)
    }

    fn is_counted(&self) -> bool {
        self.int(protocol::OUTCOME) == Some(protocol::COUNTED)
    }
}

impl Meter {
    fn of(reply: &ScriptReply) -> Option<Self> {
        let mut meter = Self::default();
        for (index, (name, window)) in LIMITS.into_iter().enumerate() {
            let place = protocol::FIRST_LIMIT + index * 3;
            let (limit, used, reset) =
                (reply.int(place)?, reply.int(place + 1)?, reply.int(place + 2)?);
            let separator = if index == 0 { "" } else { ", " };
            let left = limit.saturating_sub(used).max(0);
            write!(meter.policy, "{separator}\"{name}\";q={limit};w={window}").ok()?;
            write!(meter.remaining, "{separator}\"{name}\";r={left};t={reset}").ok()?;
        }
        Some(meter)
    }
}
