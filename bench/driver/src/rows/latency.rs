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
    let rates = || peaks.iter().map(|peak| peak.rate / 2.0);
    // Paced like the paths that are held against them, they tell how much of a figure is the host's.
    let floors = [
        ("floor: hello", stage.floor("/hello"), rates().fold(0.0, f64::max), None),
        (
            "floor: one Redis call",
            stage.floor("/redis"),
            rates().fold(f64::INFINITY, f64::min),
            None,
        ),
    ];
    let target = Some(Target::Under(MOST));
    let paths = peaks.iter().map(|peak| (peak.name, peak.request.clone(), peak.rate / 2.0, target));
    let paths: Vec<_> = floors.into_iter().chain(paths).collect();
    let mut rounds = vec![(Vec::new(), Vec::new()); paths.len()];
    for _ in 0..effort.rounds {
        for ((_, request, rate, _), (p50s, p99s)) in paths.iter().zip(&mut rounds) {
            let latencies = paced(request, Pace { rate: *rate, duration: effort.pace / 4 })?;
            p50s.push(latencies.percentile(50));
            p99s.push(latencies.percentile(99));
        }
    }
    let rows = paths.iter().zip(&rounds).map(|((name, _, _, target), (p50s, p99s))| {
        let figure = format!("p50 {:.2} ms, p99 {:.2} ms", median(p50s), median(p99s));
        let row = Row::new(&format!("p99, {name}"), figure)
            .measured(Spread::of_ratios(p99s, p50s), "its p50");
        match target {
            Some(target) => row.target(*target),
            None => row,
        }
    });
    Ok(rows.collect())
}
