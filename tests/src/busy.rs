//! Clients that keep hosts busy while a test changes something.

use std::{
    array,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::{panicking, scope, sleep},
    time::{Duration, Instant},
};

use http::Method;

use crate::{Answer, Call, Connections, World};

/// The number of clients, half of them for each of two hosts.
const CLIENTS: usize = 16;
/// The requests that each host serves before the change.
const BEFORE: u64 = 100;
/// The requests that each host rejects after the change. There is a limit on invalid API keys of a network.
const AFTER: u64 = 25;
/// The pause of a client after a rejected or failed request.
const PAUSE: Duration = Duration::from_millis(20);

/// Sixteen clients that use a credential on two hosts.
#[derive(Clone, Copy)]
pub struct Busy<'a> {
    /// The addresses.
    pub hosts: [&'a str; 2],
    /// The path of the requests.
    pub path: &'a str,
    /// The access token or the API key.
    pub credential: &'a str,
    /// The status and the code of the responses after the change.
    pub refused: (u16, &'a str),
    /// Whether requests may fail because the test kills a host.
    pub may_fail: bool,
}

impl Busy<'_> {
    /// Keeps the clients busy while `change` runs. Requests that start after it has returned must be rejected, and so must
    /// those that start after any client was rejected: no host contradicts another one.
    pub fn during<T>(&self, change: impl FnOnce() -> T) -> T {
        self.run(change, true)
    }

    /// Like [`Self::during`], for a change while Redis is killed. A host that has no Redis for a moment refuses at once,
    /// before the leases of others have ended (decision 15), so hosts may differ until the change is acknowledged.
    pub fn during_outage_of_redis<T>(&self, change: impl FnOnce() -> T) -> T {
        self.run(change, false)
    }

    fn run<T>(&self, change: impl FnOnce() -> T, hosts_agree: bool) -> T {
        let served: [AtomicU64; 2] = array::from_fn(|_| AtomicU64::new(0));
        let [is_changed, is_refused, stop, has_failed] = array::from_fn(|_| AtomicBool::new(false));
        let wait_for = |more: u64| {
            let begin = Instant::now();
            let until = served.each_ref().map(|served| served.load(Ordering::SeqCst) + more);
            while served
                .iter()
                .zip(until)
                .any(|(served, until)| served.load(Ordering::SeqCst) < until)
            {
                assert!(!has_failed.load(Ordering::SeqCst), "a request failed");
                assert!(begin.elapsed().as_secs() < 60, "requests complete");
                sleep(Duration::from_millis(2));
            }
        };
        scope(|scope| {
            for client in 0..CLIENTS {
                let (host, served) = (self.hosts[client % 2], &served[client % 2]);
                let (is_changed, is_refused) = (&is_changed, &is_refused);
                let (stop, has_failed) = (&stop, &has_failed);
                scope.spawn(move || {
                    let _failure = Failure(has_failed);
                    let connection = Connections::default();
                    while !stop.load(Ordering::SeqCst) {
                        let must_be_refused =
                            is_changed.load(Ordering::SeqCst) || is_refused.load(Ordering::SeqCst);
                        let Some(answer) = self.send(host, &connection) else { continue };
                        self.check(&answer, must_be_refused);
                        // A refusal by a limit ends with its window. A former address of a tenant and a lost
                        // permission end no credential: until the change is acknowledged, hosts may differ.
                        if hosts_agree
                            && answer.status == self.refused.0
                            && answer.status != 429
                            && !["tenant_mismatch", "forbidden"].contains(&self.refused.1)
                        {
                            is_refused.store(true, Ordering::SeqCst);
                        }
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let result = catch_unwind(AssertUnwindSafe(|| {
                // Enough requests for each instance to cache its snapshots.
                wait_for(BEFORE);
                let changed = change();
                is_changed.store(true, Ordering::SeqCst);
                wait_for(AFTER);
                changed
            }));
            stop.store(true, Ordering::SeqCst);
            result.unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Sends a request, and returns the response if there is one.
    fn send(&self, host: &str, connection: &Connections) -> Option<Answer> {
        let call = Call::new(Method::GET, host, self.path).token(self.credential).over(connection);
        let answer = if self.may_fail { call.try_send().ok() } else { Some(call.send()) };
        if answer.as_ref().is_none_or(|answer| answer.status != 200) {
            sleep(PAUSE);
        }
        answer
    }

    fn check(&self, answer: &Answer, must_be_refused: bool) {
        let (status, code) = self.refused;
        // Many refusals in a row are throttled by network, which is a refusal as well.
        if answer.status == 429 {
            answer.expect_problem(429, "rate_limited");
        } else if must_be_refused {
            answer.expect_problem(status, code);
        } else if ![200, status].contains(&answer.status) {
            // During the change, requests may still succeed.
            let logged = World::get().logged(answer.header("x-request-id"));
            panic!("{} {}\n{logged}", answer.status, answer.text);
        }
    }
}

/// Sets a flag when a client panics.
struct Failure<'a>(&'a AtomicBool);

impl Drop for Failure<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.0.store(true, Ordering::SeqCst);
        }
    }
}

/// Sets a flag when it is dropped, so that a load ends even if the test fails.
pub struct StopOnDrop<'a>(pub &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
