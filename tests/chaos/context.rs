//! The state that all actors share.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use e2e::Answer;

use crate::{
    client::{Client, Sent, shown},
    faults::Targets,
    ledger::Ledger,
    random::Random,
    request::Request,
    timeline::Timeline,
    violations::{Promise, Violations},
};

/// The time within which an operation must get a definitive response once all stores and hosts are up.
const SETTLE: Duration = Duration::from_secs(25);

/// The state that all actors share.
pub struct Context {
    pub client: Client,
    pub ledger: Ledger,
    pub timeline: Timeline,
    pub violations: Violations,
    pub targets: Targets,
    /// Whether the load is over.
    stopped: AtomicBool,
}

/// A request with a definitive response.
pub struct Settled {
    /// Before the first attempt was sent.
    pub first_started: Instant,
    /// The number of attempts.
    pub attempts: u32,
    /// The last attempt.
    pub sent: Sent,
    /// Its response.
    pub answer: Answer,
}

impl Context {
    /// Creates the context of a run.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            ledger: Ledger::default(),
            timeline: Timeline::new(),
            violations: Violations::default(),
            targets: Targets::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Returns whether actors may start new operations.
    pub fn is_running(&self) -> bool {
        !self.stopped.load(Ordering::Relaxed)
    }

    /// Ends the load: actors finish their last operations.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Waits for a random time, or not at all after the end of the load.
    pub fn pause(&self, random: &mut Random, from: u64, to: u64) {
        let wait = random.millis(from, to);
        let begin = Instant::now();
        while self.is_running() && begin.elapsed() < wait {
            sleep(Duration::from_millis(20).min(wait));
        }
    }

    /// Sends a request to a host.
    pub fn send(&self, host: usize, request: &Request) -> Sent {
        self.client.send((&self.timeline, &self.violations), host, request)
    }

    /// Returns a random host.
    pub fn host(&self, random: &mut Random) -> usize {
        random.index(self.client.hosts())
    }

    /// Repeats a request until its response is definitive. After the end of the load, the time is limited. A request
    /// without a definitive response is a violation of `promise`, and returns `None`.
    pub fn settle(
        &self,
        random: &mut Random,
        promise: Promise,
        request: &Request,
    ) -> Option<Settled> {
        let first_started = Instant::now();
        let mut stopped: Option<Instant> = None;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let sent = self.send(self.host(random), request);
            if let Some(answer) = sent.answer.clone().filter(is_definitive) {
                return Some(Settled { first_started, attempts, sent, answer });
            }
            if !self.is_running() {
                let stopped = stopped.get_or_insert_with(Instant::now);
                if stopped.elapsed() > SETTLE {
                    let last = sent.answer.as_ref().map_or("no response".to_owned(), shown);
                    self.violate(
                        promise,
                        sent.ended,
                        format!(
                            "{} has no definitive response after {attempts} attempts since {}: {last}",
                            request.name(),
                            self.timeline.at(first_started)
                        ),
                    );
                    return None;
                }
            }
            sleep(random.millis(50, 300));
        }
    }

    /// Records a violation with the preceding faults.
    pub fn violate(&self, promise: Promise, time: Instant, evidence: String) {
        let before = self.timeline.before(time);
        self.violations.record(promise, evidence + &before);
    }
}

/// Returns whether repeating the request would change nothing.
fn is_definitive(answer: &Answer) -> bool {
    match answer.status {
        429 => answer.text.contains("\"quota_exceeded\""),
        507 => true,
        status => status < 500,
    }
}
