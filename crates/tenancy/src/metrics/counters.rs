//! The counters of an instance.

use std::{cell::RefCell, collections::HashMap, mem};

use http::{Method, StatusCode};

use crate::resource::Resource;

/// The route of liveness probes, which are not counted. A probe uses no store, and counting it would open a Redis
/// connection on an otherwise idle instance.
const PROBE: &str = "/health";

/// The upper bounds of the histogram buckets, in microseconds.
pub(crate) const BOUNDS: [u64; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// The upper bound of the last bucket, for values above all of [`BOUNDS`].
pub(crate) const INFINITE: &str = "+Inf";

/// The result of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Login {
    Success,
    Failure,
    Throttled,
}

/// The result of a look-up of a new password in the list of breached passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BreachedPasswordCheck {
    Breached,
    Unknown,
    /// The list is unavailable.
    Failed,
}

/// A timed operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Timer {
    Redis,
    Postgres,
    Provisioning,
    /// The wait of a change for the leases that depend on an earlier version.
    Lease,
}

/// The labels of a completed request.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Answered {
    route: &'static str,
    method: Method,
    status: StatusCode,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counter {
    Login(Login),
    QuotaRefusal(Resource),
    RateLimited,
    Lease(Lease),
    UnitsForfeited,
    BreachedPasswordCheck(BreachedPasswordCheck),
}

/// The result of a request for a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lease {
    Granted,
    /// A limit is near, or the caller was not admitted.
    Refused,
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    /// The number of values in each bucket, and above the last bound.
    classes: [u64; BOUNDS.len() + 1],
    sum_micros: u64,
}

/// The counts of an instance since its last write.
#[derive(Default)]
pub struct Counters(RefCell<Counted>);

#[derive(Default)]
struct Counted {
    /// The durations of requests. The sum of the buckets is the number of requests.
    requests: HashMap<Answered, Histogram>,
    counters: HashMap<Counter, u64>,
    timers: [Histogram; Timer::ALL.len()],
    /// The counts that could not be written.
    left_over: HashMap<String, u64>,
}

impl Counters {
    /// Counts a completed request. Returns false for a probe, which is not counted.
    pub fn request(
        &self,
        (route, method): (&'static str, &Method),
        status: StatusCode,
        micros: u64,
    ) -> bool {
        if route == PROBE {
            return false;
        }
        let answered = Answered { route, method: method.clone(), status };
        self.0.borrow_mut().requests.entry(answered).or_default().add(micros);
        true
    }

    pub(crate) fn login(&self, login: Login) {
        self.count(Counter::Login(login));
    }

    pub(crate) fn quota_refused(&self, resource: Resource) {
        self.count(Counter::QuotaRefusal(resource));
    }

    pub(crate) fn rate_limited(&self) {
        self.count(Counter::RateLimited);
    }

    pub(crate) fn lease(&self, lease: Lease) {
        self.count(Counter::Lease(lease));
    }

    pub(crate) fn breached_password_check(&self, check: BreachedPasswordCheck) {
        self.count(Counter::BreachedPasswordCheck(check));
    }

    /// Counts units of a lease that were neither used nor returned.
    pub(crate) fn units_forfeited(&self, units: u64) {
        *self.0.borrow_mut().counters.entry(Counter::UnitsForfeited).or_default() += units;
    }

    pub(crate) fn time(&self, timer: Timer, micros: u64) {
        self.0.borrow_mut().timers[timer as usize].add(micros);
    }

    fn count(&self, counter: Counter) {
        *self.0.borrow_mut().counters.entry(counter).or_default() += 1;
    }

    /// Takes all counts, by the names of their series.
    pub(crate) fn take(&self) -> HashMap<String, u64> {
        self.0.borrow_mut().take()
    }

    /// Returns counts that could not be written. The next write includes them.
    pub(crate) fn put_back(&self, fields: HashMap<String, u64>) {
        let left_over = &mut self.0.borrow_mut().left_over;
        for (field, amount) in fields {
            *left_over.entry(field).or_default() += amount;
        }
    }
}

impl Counted {
    /// Takes all counts, by the names of their series.
    fn take(&mut self) -> HashMap<String, u64> {
        let mut fields = mem::take(&mut self.left_over);
        let mut add = |field: String, amount: u64| *fields.entry(field).or_default() += amount;
        for (counter, amount) in mem::take(&mut self.counters) {
            add(counter.series(), amount);
        }
        for (answered, histogram) in mem::take(&mut self.requests) {
            add(answered.series(), histogram.classes.iter().sum());
            let label = format!("route=\"{}\"", answered.route);
            histogram.fields("tenancy_http_request_duration_seconds", &label, &mut add);
        }
        for (timer, histogram) in Timer::ALL.into_iter().zip(mem::take(&mut self.timers)) {
            histogram.fields(timer.series(), "", &mut add);
        }
        fields
    }
}

impl Histogram {
    fn add(&mut self, micros: u64) {
        self.sum_micros += micros;
        let class = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        self.classes[class] += 1;
    }

    /// Adds the non-empty buckets. [`crate::reports`] computes the cumulative counts.
    fn fields(&self, name: &str, label: &str, add: &mut impl FnMut(String, u64)) {
        let separator = if label.is_empty() { "" } else { "," };
        let bounds = BOUNDS.map(seconds).into_iter().chain([INFINITE.to_owned()]);
        let used = bounds.zip(self.classes).filter(|(_, amount)| *amount > 0);
        let mut is_used = false;
        for (bound, amount) in used {
            is_used = true;
            add(format!("{name}_bucket{{{label}{separator}le=\"{bound}\"}}"), amount);
        }
        if is_used {
            let braced = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
            // Redis adds integers, so the unit is microseconds. The rendered unit is seconds.
            add(format!("{name}_sum{braced}"), self.sum_micros);
        }
    }
}

impl Answered {
    fn series(&self) -> String {
        let Self { route, method, status } = self;
        let (method, status) = (known_method(method), status.as_u16());
        format!(
            "tenancy_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"
        )
    }
}

impl Counter {
    /// Returns all counters. Their labels have no other values.
    fn all() -> impl Iterator<Item = Self> {
        let logins = [Login::Success, Login::Failure, Login::Throttled].map(Self::Login);
        let refusals = Resource::ALL.into_iter().map(Self::QuotaRefusal);
        let leases = [Lease::Granted, Lease::Refused].map(Self::Lease);
        let checks = [
            BreachedPasswordCheck::Breached,
            BreachedPasswordCheck::Unknown,
            BreachedPasswordCheck::Failed,
        ];
        let checks = checks.map(Self::BreachedPasswordCheck);
        let others = [Self::RateLimited, Self::UnitsForfeited];
        logins.into_iter().chain(refusals).chain(leases).chain(checks).chain(others)
    }

    fn series(&self) -> String {
        match self {
            Self::Login(login) => {
                let result = match login {
                    Login::Success => "success",
                    Login::Failure => "failure",
                    Login::Throttled => "throttled",
                };
                format!("tenancy_logins_total{{result=\"{result}\"}}")
            }
            Self::QuotaRefusal(resource) => {
                format!("tenancy_quota_refusals_total{{resource=\"{}\"}}", resource.as_str())
            }
            Self::RateLimited => "tenancy_rate_limited_total".to_owned(),
            Self::Lease(lease) => {
                let result = match lease {
                    Lease::Granted => "granted",
                    Lease::Refused => "refused",
                };
                format!("tenancy_leases_total{{result=\"{result}\"}}")
            }
            Self::UnitsForfeited => "tenancy_lease_units_forfeited_total".to_owned(),
            Self::BreachedPasswordCheck(check) => {
                let result = match check {
                    BreachedPasswordCheck::Breached => "breached",
                    BreachedPasswordCheck::Unknown => "unknown",
                    BreachedPasswordCheck::Failed => "failed",
                };
                format!("tenancy_breached_password_checks_total{{result=\"{result}\"}}")
            }
        }
    }
}

impl Timer {
    /// All timers, in the order of their numbers.
    const ALL: [Self; 4] = [Self::Redis, Self::Postgres, Self::Provisioning, Self::Lease];

    fn series(self) -> &'static str {
        match self {
            Self::Redis => "tenancy_redis_duration_seconds",
            Self::Postgres => "tenancy_postgres_duration_seconds",
            Self::Provisioning => "tenancy_provisioning_duration_seconds",
            Self::Lease => "tenancy_lease_wait_seconds",
        }
    }
}

/// Returns the series whose labels are known before the first event. They are rendered from zero, so that `rate` sees
/// the first event.
pub(crate) fn known_series() -> impl Iterator<Item = String> {
    let timers = Timer::ALL.into_iter().map(|timer| format!("{}_sum", timer.series()));
    Counter::all().map(|counter| counter.series()).chain(timers)
}

/// Returns the label for a method. Arbitrary methods from callers share one label.
fn known_method(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "other",
    }
}

/// Formats microseconds as seconds, without trailing zeros.
pub(crate) fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_falls_into_its_lowest_bucket() {
        let counters = Counters::default();
        counters.time(Timer::Redis, 2_500);
        counters.time(Timer::Redis, 20_000_000);
        let fields = counters.take();
        let expected = [
            ("tenancy_redis_duration_seconds_bucket{le=\"0.0025\"}", 1),
            ("tenancy_redis_duration_seconds_bucket{le=\"+Inf\"}", 1),
            ("tenancy_redis_duration_seconds_sum", 20_002_500),
        ];
        assert_eq!(fields, expected.map(|(name, amount)| (name.to_owned(), amount)).into());
        assert!(counters.take().is_empty());
    }

    #[test]
    fn unknown_method_is_labelled_other() {
        let made_up = Method::from_bytes(b"X\x21").unwrap();
        assert_eq!(known_method(&made_up), "other");
    }
}
