//! Latencies: at half the peak rate of each path, and with a few clients that never pause.

use std::time::Duration;

use anyhow::Result;

use super::Peaks;
use crate::{
    effort::Effort,
    load::{Pace, few, paced},
    report::{Row, Target},
    stage::Stage,
    statistics::{Spread, median},
};

/// A stall of 40 ms by a delayed acknowledgement is far beyond this value.
const MOST: f64 = 5.0;

pub(crate) fn latency(stage: &Stage, effort: &Effort, peaks: &Peaks) -> Result<Vec<Row>> {
    let rates = || peaks.iter().map(|peak| peak.rate / 2.0);
    // The floors have the pace of the compared paths, which shows the share of the host in a figure.
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
    let mut at_pace = vec![Rounds::default(); paths.len()];
    let mut of_few = vec![Rounds::default(); paths.len()];
    for _ in 0..effort.rounds {
        for (index, (_, request, rate, _)) in paths.iter().enumerate() {
            let latencies = paced(request, Pace { rate: *rate, duration: effort.pace / 4 })?;
            at_pace[index].add(latencies.percentile(50), latencies.percentile(99));
            let (p50, p99) = few(request, Duration::from_secs(1))?;
            of_few[index].add(p50, p99);
        }
    }
    let names = || paths.iter().map(|(name, .., target)| (*name, *target));
    let paced_rows = names().zip(&at_pace).map(|((name, target), rounds)| {
        let row = rounds.row(&format!("p99, {name}"));
        match target {
            Some(target) => row.target(target),
            None => row,
        }
    });
    let rows_of_few = names()
        .zip(&of_few)
        .map(|((name, _), rounds)| rounds.row(&format!("p99, {name}, six clients without pauses")));
    Ok(paced_rows.chain(rows_of_few).collect())
}

/// The results of the rounds, in milliseconds.
#[derive(Clone, Default)]
struct Rounds {
    p50s: Vec<f64>,
    p99s: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, p50: f64, p99: f64) {
        self.p50s.push(p50);
        self.p99s.push(p99);
    }

    fn row(&self, name: &str) -> Row {
        let Self { p50s, p99s } = self;
        let figure = format!("p50 {:.2} ms, p99 {:.2} ms", median(p50s), median(p99s));
        Row::new(name, figure).measured(Spread::of_ratios(p99s, p50s), "its p50")
    }
}
