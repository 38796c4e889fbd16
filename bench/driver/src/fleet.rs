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

/// How many clients make tenants at one time.
const CLIENTS: usize = 8;
/// Instances that have nothing to do are dropped after a second.
const UNTIL_IDLE: Duration = Duration::from_secs(3);

/// The tenants that were made, and how that went.
pub(crate) struct Fleet {
    /// An API key of each.
    pub(crate) api_keys: Vec<String>,
    /// When the timed ones were done, each since the first was begun, in their order.
    pub(crate) done: Vec<Duration>,
    /// The memory of the application before, in KiB.
    pub(crate) kib_before: u64,
}

impl Fleet {
    /// Makes the tenants: the first half is timed.
    pub(crate) fn create(stage: &Stage, effort: &Effort) -> Result<Self> {
        saturate(&stage.as_user("/api/v1/tenant/info"), effort.load)?;
        let kib_before = idle_kib(stage);
        let half = effort.tenants / 2;
        let (mut api_keys, done) = create(stage, 0, half)?;
        api_keys.extend(create(stage, half, effort.tenants)?.0);
        Ok(Self { api_keys, done, kib_before })
    }
}

/// The memory of the application at rest, in KiB.
pub(crate) fn idle_kib(stage: &Stage) -> u64 {
    sleep(UNTIL_IDLE);
    stage.application.resident_kib()
}

/// Makes the tenants of these numbers. Returns an API key of each, and when each was done.
fn create(stage: &Stage, from: usize, to: usize) -> Result<(Vec<String>, Vec<Duration>)> {
    let next = AtomicUsize::new(from);
    let start = Instant::now();
    let made = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| scope.spawn(|| follow(stage, &next, to, start))).collect();
        let mut made = Vec::new();
        for client in clients {
            made.extend(client.join().map_err(|_| anyhow!("a thread has panicked"))??);
        }
        Ok::<_, anyhow::Error>(made)
    });
    let mut made = made?;
    made.sort_by_key(|(_, done)| *done);
    Ok(made.into_iter().unzip())
}

fn follow(
    stage: &Stage,
    next: &AtomicUsize,
    to: usize,
    start: Instant,
) -> Result<Vec<(String, Duration)>> {
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
        let created = client.send(&request.bytes())?.checked()?.json()?;
        made.push((text(&created, "api_key")?, start.elapsed()));
    }
}
