//! Requests at a pace, whatever the answers do (an open loop).
//!
//! A request's time begins when it was to be sent. So one that waits behind a slow one is slow
//! itself, as it is for its user: no coordinated omission.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::{Client, Request};
use crate::statistics::Latencies;

/// How many requests may be under way at one time.
const CONNECTIONS: usize = 32;

/// How many requests, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
}

impl Pace {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, and far from the ends"
    )]
    fn requests(self) -> usize {
        (self.rate * self.duration.as_secs_f64()).max(1.0) as usize
    }
}

/// Sends a request again and again at a pace.
pub(crate) fn paced(request: &Request, pace: Pace) -> Result<Latencies> {
    let bytes = request.bytes();
    let clients: Result<Vec<_>> = (0..CONNECTIONS)
        .map(|_| {
            let mut client = Client::connect(&request.address)?;
            client.send(&bytes)?.checked()?;
            Ok(client)
        })
        .collect();
    let next = AtomicUsize::new(0);
    let start = Instant::now() + Duration::from_millis(20);
    let latencies = thread::scope(|scope| {
        let threads: Vec<_> = clients?
            .into_iter()
            .map(|client| scope.spawn(|| follow(client, &bytes, pace, start, &next)))
            .collect();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow!("a thread has panicked"))??);
        }
        Ok::<_, anyhow::Error>(latencies)
    })?;
    Ok(Latencies::of(latencies))
}

/// Takes request after request that nobody else has taken.
fn follow(
    mut client: Client,
    bytes: &[u8],
    pace: Pace,
    start: Instant,
    next: &AtomicUsize,
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let all = pace.requests();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= all {
            return Ok(latencies);
        }
        #[expect(clippy::cast_precision_loss, reason = "a count, and far from the end")]
        let due = start + Duration::from_secs_f64(number as f64 / pace.rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        client.send(bytes)?.checked()?;
        latencies.push(due.elapsed());
        // Where the pace is too much, that shows long before all requests were made.
        if start.elapsed() > pace.duration * 3 {
            return Ok(latencies);
        }
    }
}
