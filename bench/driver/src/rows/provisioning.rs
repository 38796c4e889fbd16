//! The rate at which tenants are created.

use crate::{
    fleet::{Fleet, Made},
    report::{Row, Target},
    statistics::{Spread, median},
};

pub(crate) fn provisioning(fleet: &Fleet) -> Vec<Row> {
    let timed = &fleet.timed;
    let all = timed.last().map_or(f64::NAN, |last| last.done.as_secs_f64());
    #[expect(clippy::cast_precision_loss, reason = "a count, far from the limit")]
    let rate = timed.len() as f64 / all;
    let tenth = (timed.len() / 10).max(1);
    let (first, last) = (took(&timed[..tenth]), took(&timed[timed.len() - tenth..]));
    vec![
        Row::new("new tenants, 8 clients", format!("{} in total", timed.len()))
            .measured(Spread::of(vec![rate]), "per second")
            .target(Target::AtLeast(20.0)),
        Row::new("new tenant, last tenth", format!("{last:.0} ms, first tenth {first:.0} ms"))
            .measured(Spread::of(vec![last / first]), "first tenth")
            // Equal times still differ by random noise.
            .target(Target::Under(1.1)),
    ]
}

/// Returns the median creation time in milliseconds.
fn took(made: &[Made]) -> f64 {
    median(&made.iter().map(|made| made.took.as_secs_f64() * 1_000.0).collect::<Vec<_>>())
}
