//! Reports that an instance caches briefly, so that frequent requests for them do not reach the stores.

use std::{cell::RefCell, rc::Rc};

use crate::{
    context::Context,
    reports::{health, metrics::render},
};

/// How long metrics stay fresh, in microseconds: less than any scrape interval.
const METRICS_MICROS: u64 = 3_000_000;
/// How long a health report stays fresh, in microseconds.
const HEALTH_MICROS: u64 = 1_000_000;

/// A value and the time at which it expires, by the monotonic clock of the instance.
type Fresh<T> = RefCell<Option<(Rc<T>, u64)>>;

/// The cached reports of an instance.
#[derive(Default)]
pub(crate) struct Kept {
    metrics: Fresh<String>,
    health: Fresh<health::Report>,
}

/// Returns the metrics in the text format of Prometheus.
pub async fn metrics(context: &Context) -> Rc<String> {
    keep(context, &context.state::<Kept>().metrics, METRICS_MICROS, render(context)).await
}

/// Returns the state of each store.
pub async fn health(context: &Context) -> Rc<health::Report> {
    keep(context, &context.state::<Kept>().health, HEALTH_MICROS, health::check(context)).await
}

async fn keep<T>(
    context: &Context,
    kept: &Fresh<T>,
    micros: u64,
    make: impl Future<Output = T>,
) -> Rc<T> {
    let now = context.platform.clock.monotonic_micros();
    let fresh = kept.borrow().as_ref().filter(|kept| now < kept.1).map(|kept| Rc::clone(&kept.0));
    if let Some(value) = fresh {
        return value;
    }
    let value = Rc::new(make.await);
    let until = context.platform.clock.monotonic_micros().saturating_add(micros);
    kept.replace(Some((Rc::clone(&value), until)));
    value
}
