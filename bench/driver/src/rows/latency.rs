//! How long requests take at half the rate that each path can do.

use anyhow::Result;

use super::Peaks;
use crate::{
    effort::Effort,
    load::{Pace, paced},
    report::{Row, Target},
    stage::Stage,
    statistics::{Spread, median},
};

/// A stall of 40 ms, as a delayed acknowledgement makes it, is far beyond.
const MOST: f64 = 5.0;

pub(crate) fn latency(stage: &Stage, effort: &Effort, peaks: &Peaks) -> Result<Vec<Row>> {
    let mut rows = vec![];
    // Paced like the others, it tells how much of a figure is the machine.
    let hello = stage.floor("/hello");
    let rate = peaks.iter().map(|peak| peak.rate).fold(f64::INFINITY, f64::min) / 2.0;
    let floor = paced(&hello, Pace { rate, duration: effort.pace })?;
    let milliseconds = |p50: f64, p99: f64| format!("p50 {p50:.2} ms, p99 {p99:.2} ms");
    let figure = milliseconds(floor.percentile(50), floor.percentile(99));
    let ratio = Spread::of(vec![floor.percentile(99) / floor.percentile(50)]);
    rows.push(Row::new("p99, floor: hello", figure).measured(ratio, "its p50"));
    for peak in peaks {
        let pace = Pace { rate: peak.rate / 2.0, duration: effort.pace / 2 };
        let (mut p50s, mut p99s) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let latencies = paced(&peak.request, pace)?;
            p50s.push(latencies.percentile(50));
            p99s.push(latencies.percentile(99));
        }
        let ratio = Spread::of_ratios(&p99s, &p50s);
        let row =
            Row::new(&format!("p99, {}", peak.name), milliseconds(median(&p50s), median(&p99s)));
        rows.push(row.measured(ratio, "its p50").target(Target::Under(MOST)));
    }
    Ok(rows)
}
