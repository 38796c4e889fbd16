//! Sends requests, and checks each response against the rules for all responses.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use e2e::{Answer, Connections};

use crate::{
    request::Request,
    timeline::Timeline,
    violations::{Promise, Violations},
};

/// The maximum duration of a request, even if a store is unavailable.
const LONGEST: Duration = Duration::from_secs(20);
/// The time after which the client gives up.
const TIMEOUT: Duration = Duration::from_secs(25);

/// A client of all hosts.
pub struct Client {
    hosts: Vec<(String, Connections)>,
    /// The key of the platform.
    pub admin_key: String,
    requests: AtomicU64,
    statuses: Mutex<BTreeMap<u16, u64>>,
    broken: AtomicU64,
}

/// A request that was sent, and its response.
#[derive(Debug, Clone)]
pub struct Sent {
    pub host: usize,
    /// Before the request was sent.
    pub started: Instant,
    /// After the whole response had arrived.
    pub ended: Instant,
    /// `None` if the connection broke.
    pub answer: Option<Answer>,
}

impl Client {
    /// Creates a client for the hosts at these addresses.
    pub fn new(addresses: &[String], admin_key: String) -> Self {
        let connections = || Connections::with_timeout(TIMEOUT);
        let hosts = addresses.iter().map(|address| (address.clone(), connections())).collect();
        let (requests, broken) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { hosts, admin_key, requests, statuses: Mutex::default(), broken }
    }

    /// Returns the number of hosts.
    pub fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Sends a request to a host.
    pub fn send(
        &self,
        (timeline, violations): (&Timeline, &Violations),
        host: usize,
        request: &Request,
    ) -> Sent {
        let (address, connections) = &self.hosts[host];
        let call = request.call(address).over(connections);
        let started = Instant::now();
        let answer = call.try_send();
        let ended = Instant::now();
        self.requests.fetch_add(1, Ordering::Relaxed);
        let evidence = |problem: String| {
            let (name, at) = (request.name(), timeline.at(started));
            let before = timeline.before(ended);
            violations.record(
                Promise::Responses,
                format!("{name} at host {host}, sent at {at}: {problem}{before}"),
            );
        };
        if ended - started > LONGEST {
            evidence(format!("took {} ms", (ended - started).as_millis()));
        }
        match &answer {
            Ok(answer) => {
                let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
                *statuses.entry(answer.status).or_default() += 1;
                drop(statuses);
                match answer.status {
                    503 if answer.header("retry-after").is_empty() => {
                        evidence(format!("503 without Retry-After: {}", shown(answer)));
                    }
                    503 | 507 => {}
                    500.. => evidence(shown(answer)),
                    _ => {}
                }
            }
            Err(_) => {
                self.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        Sent { host, started, ended, answer: answer.ok() }
    }

    /// Returns the number of requests.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of responses per status.
    pub fn statuses(&self) -> String {
        let statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = statuses.iter().map(|(status, count)| format!("{status}: {count}"));
        let broken = format!("broken: {}", self.broken.load(Ordering::Relaxed));
        counts.chain(std::iter::once(broken)).collect::<Vec<_>>().join(", ")
    }
}

impl Sent {
    /// Returns the status, or 0 if the connection broke.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// Returns whether the response is a success.
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status())
    }
}

/// Formats a response as evidence.
pub fn shown(answer: &Answer) -> String {
    let text: String = answer.text.chars().take(300).collect();
    format!("{} {text} (request {})", answer.status, answer.header("x-request-id"))
}
