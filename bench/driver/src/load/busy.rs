//! A few clients that never pause (a closed loop): each asks again as soon as it has its answer.
//!
//! The processors have time left then, and it shows what an answer waits for besides.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use super::{Client, Request};
use crate::statistics::Latencies;

/// As many clients as leave the processors time.
const CLIENTS: usize = 6;

/// Sends a request again and again, each client when it has its answer.
pub(crate) fn busy(request: &Request, duration: Duration) -> Result<Latencies> {
    let bytes = request.bytes();
    let latencies = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(|| ask(Client::connect(&request.address)?, &bytes, duration)))
            .collect();
        let mut latencies = Vec::new();
        for thread in threads {
            latencies.extend(thread.join().map_err(|_| anyhow!("a thread has panicked"))??);
        }
        Ok::<_, anyhow::Error>(latencies)
    })?;
    Ok(Latencies::of(latencies))
}

fn ask(mut client: Client, bytes: &[u8], duration: Duration) -> Result<Vec<Duration>> {
    client.send(bytes)?.checked()?;
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < duration {
        let sent = Instant::now();
        client.send(bytes)?.checked()?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}
