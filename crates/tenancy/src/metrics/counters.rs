//! What an instance counts.

use std::{cell::RefCell, collections::HashMap, mem, rc::Rc, sync::LazyLock};

use http::{Method, StatusCode};

use crate::{
    background, log,
    platform::redis::{Argument, Script},
    quota::Resource,
    tenancy::Tenancy,
};

/// Where the counters of all instances are added up.
pub(super) const KEY: &str = "platform:counters";

/// The route of probes. It is not counted: an instance that does nothing else would open a connection to
/// Redis for that, and a probe asks no store.
const PROBE: &str = "/health";

/// The upper ends of the classes of a histogram, in microseconds.
pub(super) const BOUNDS: [u64; 12] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    10_000_000,
];

/// The upper end of the last class, of what is above all of [`BOUNDS`].
pub(super) const INFINITE: &str = "+Inf";

static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "for index = 1, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1]) \
         end return 1",
    )
});

/// What came of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Login {
    Success,
    Failure,
    Throttled,
}

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Timer {
    Request { route: &'static str },
    Redis,
    Postgres,
    Provisioning,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counter {
    Request { route: &'static str, method: Method, status: StatusCode },
    Login(Login),
    QuotaRefusal(Resource),
    RateLimited,
}

#[derive(Debug, Clone, Default)]
struct Histogram {
    /// How many were in each class, and above the last.
    classes: [u64; BOUNDS.len() + 1],
    sum_micros: u64,
}

/// The counters of an instance, since it last wrote them.
#[derive(Default)]
pub struct Counters(RefCell<Counted>);

#[derive(Default)]
struct Counted {
    counters: HashMap<Counter, u64>,
    histograms: HashMap<Timer, Histogram>,
    /// What could not be written.
    left_over: HashMap<String, u64>,
}

impl Counters {
    /// A request was answered: it is counted, if it is no probe. Nothing of it is written before something [`schedules`] it.
    ///
    /// [`schedules`]: crate::background::schedule
    pub(crate) fn request(
        &self,
        tenancy: &Rc<Tenancy>,
        (route, method): (&'static str, &Method),
        status: StatusCode,
        micros: u64,
    ) {
        if route == PROBE {
            return;
        }
        self.count(Counter::Request { route, method: method.clone(), status });
        self.time(Timer::Request { route }, micros);
        background::schedule(tenancy);
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

    pub(crate) fn time(&self, timer: Timer, micros: u64) {
        let mut counted = self.0.borrow_mut();
        let histogram = counted.histograms.entry(timer).or_default();
        histogram.sum_micros += micros;
        let class = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
        histogram.classes[class] += 1;
    }

    fn count(&self, counter: Counter) {
        *self.0.borrow_mut().counters.entry(counter).or_default() += 1;
    }

    /// Adds what was counted to what all instances have counted.
    pub(crate) async fn write(&self, tenancy: &Tenancy) {
        let fields = self.0.borrow_mut().take();
        if fields.is_empty() {
            return;
        }
        let mut arguments = Vec::with_capacity(fields.len() * 2);
        for (field, amount) in &fields {
            arguments.push(Argument::from(field));
            arguments.push(Argument::Int(i64::try_from(*amount).unwrap_or(i64::MAX)));
        }
        if let Err(error) = ADD.run(&*tenancy.platform.redis, &[KEY], &arguments).await {
            log::warning(tenancy, "metrics wait for Redis", &error.into());
            let left_over = &mut self.0.borrow_mut().left_over;
            for (field, amount) in fields {
                *left_over.entry(field).or_default() += amount;
            }
        }
    }
}

impl Counted {
    /// Everything by the names under which it is added up. Of a histogram that is what came in each class
    /// that something came in: [`super::render`] adds the classes up.
    fn take(&mut self) -> HashMap<String, u64> {
        let mut fields = mem::take(&mut self.left_over);
        let mut add = |field: String, amount: u64| *fields.entry(field).or_default() += amount;
        for (counter, amount) in mem::take(&mut self.counters) {
            add(counter.series(), amount);
        }
        for (timer, histogram) in mem::take(&mut self.histograms) {
            let (name, label) = timer.series();
            let separator = if label.is_empty() { "" } else { "," };
            let bounds = BOUNDS.map(seconds).into_iter().chain([INFINITE.to_owned()]);
            for (bound, amount) in bounds.zip(histogram.classes).filter(|(_, amount)| *amount > 0) {
                add(format!("{name}_bucket{{{label}{separator}le=\"{bound}\"}}"), amount);
            }
            let braced = if label.is_empty() { label } else { format!("{{{label}}}") };
            // Redis adds whole numbers; shown are seconds.
            add(format!("{name}_sum{braced}"), histogram.sum_micros);
        }
        fields
    }
}

impl Counter {
    fn series(&self) -> String {
        match self {
            Self::Request { route, method, status } => {
                let method = known_method(method);
                let status = status.as_u16();
                format!(
                    "tenancy_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}"
                )
            }
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
        }
    }
}

impl Timer {
    fn series(self) -> (&'static str, String) {
        match self {
            Self::Request { route } => {
                ("tenancy_http_request_duration_seconds", format!("route=\"{route}\""))
            }
            Self::Redis => ("tenancy_redis_duration_seconds", String::new()),
            Self::Postgres => ("tenancy_postgres_duration_seconds", String::new()),
            Self::Provisioning => ("tenancy_provisioning_duration_seconds", String::new()),
        }
    }
}

/// A method that a caller makes up is no label.
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

/// Microseconds as seconds, without a needless digit.
pub(super) fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_in_the_first_class_that_holds_it() {
        let counters = Counters::default();
        counters.time(Timer::Redis, 2_500);
        counters.time(Timer::Redis, 20_000_000);
        let fields = counters.0.borrow_mut().take();
        let expected = [
            ("tenancy_redis_duration_seconds_bucket{le=\"0.0025\"}", 1),
            ("tenancy_redis_duration_seconds_bucket{le=\"+Inf\"}", 1),
            ("tenancy_redis_duration_seconds_sum", 20_002_500),
        ];
        assert_eq!(fields, expected.map(|(name, amount)| (name.to_owned(), amount)).into());
        assert!(counters.0.borrow_mut().take().is_empty());
    }

    #[test]
    fn a_method_that_is_made_up_is_no_label() {
        let made_up = Method::from_bytes(b"X\x21").unwrap();
        assert_eq!(known_method(&made_up), "other");
    }
}
