//! How fast tenants are made.

use std::time::Duration;

use crate::{
    fleet::Fleet,
    report::{Row, Target},
    statistics::Spread,
};

pub(crate) fn provisioning(fleet: &Fleet) -> Vec<Row> {
    let done = &fleet.done;
    let tenth = (done.len() / 10).max(1);
    let at = |number: usize| number.checked_sub(1).map_or(Duration::ZERO, |index| done[index]);
    let took = |from: usize, to: usize| at(to).saturating_sub(at(from)).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count, and far from the end")]
    let rate = done.len() as f64 / took(0, done.len());
    let (first, last) = (took(0, tenth), took(done.len() - tenth, done.len()));
    vec![
        Row::new("new tenants, 8 clients", format!("{} in all", done.len()))
            .measured(Spread::of(vec![rate]), "a second")
            .target(Target::AtLeast(20.0)),
        Row::new("their last tenth", format!("{last:.2} s, the first {first:.2} s"))
            .measured(Spread::of(vec![last / first]), "the first tenth")
            // What is no slower still differs by chance.
            .target(Target::Under(1.1)),
    ]
}
