//! Many tenants.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use serde_json::json;

use crate::{
    effort::Effort,
    load::{Client, Request, saturate},
    stage::{Stage, text},
};

/// The number of clients that create tenants concurrently.
const CLIENTS: usize = 8;
/// The host drops idle instances after a second.
const UNTIL_IDLE: Duration = Duration::from_secs(3);

/// The created tenants, and the times of their creation.
pub(crate) struct Fleet {
    /// One API key of each tenant.
    pub(crate) api_keys: Vec<String>,
    /// The tenants whose creation was timed, in the order of completion.
    pub(crate) timed: Vec<Made>,
    /// The memory of the application before the creation, in KiB.
    pub(crate) kib_before: u64,
}

/// A created tenant.
pub(crate) struct Made {
    api_key: String,
    /// The duration of its creation.
    pub(crate) took: Duration,
    /// The time of completion, relative to the start of the first creation.
    pub(crate) done: Duration,
}

impl Fleet {
    /// Creates the tenants, and times the first half.
    pub(crate) fn create(stage: &Stage, effort: &Effort) -> Result<Self> {
        saturate(&stage.as_user("/api/v1/tenant/info"), effort.load)?;
        let kib_before = idle_kib(stage);
        let half = effort.tenants / 2;
        let timed = create(stage, 0, half)?;
        let others = create(stage, half, effort.tenants)?;
        let api_keys = timed.iter().chain(&others).map(|made| made.api_key.clone()).collect();
        Ok(Self { api_keys, timed, kib_before })
    }
}

/// Returns the memory of the idle application in KiB.
pub(crate) fn idle_kib(stage: &Stage) -> u64 {
    sleep(UNTIL_IDLE);
    stage.application.resident_kib()
}

/// Creates the tenants with these numbers. Returns them in the order of completion.
fn create(stage: &Stage, from: usize, to: usize) -> Result<Vec<Made>> {
    let next = AtomicUsize::new(from);
    let start = Instant::now();
    let made = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| follow(stage, &next, to, start))).collect();
        let mut made = Vec::new();
        for client in clients {
            made.extend(client.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        Ok::<_, anyhow::Error>(made)
    });
    let mut made = made?;
    made.sort_by_key(|made| made.done);
    Ok(made)
}

fn follow(stage: &Stage, next: &AtomicUsize, to: usize, start: Instant) -> Result<Vec<Made>> {
    let address = &stage.application.address;
    let mut client = Client::connect(address)?;
    let mut made = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= to {
            return Ok(made);
        }
        let slug = format!("tenant-{number}");
        let request =
            Request::new("POST", address, "/admin/tenants").token(&stage.admin_key).json(&json!({
                "name": format!("Tenant {number}"),
                "slug": slug,
                "admin_email": format!("admin@{slug}.example"),
            }));
        let begun = Instant::now();
        let created = client.send(&request.bytes())?.checked()?.json()?;
        let (took, done) = (begun.elapsed(), start.elapsed());
        made.push(Made { api_key: text(&created, "api_key")?, took, done });
    }
}
