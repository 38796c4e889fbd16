//! Medians, percentiles, and the spread of rounds.

use std::time::Duration;

use serde::Serialize;

/// The measurements of several rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) rounds: Vec<f64>,
}

impl Spread {
    /// Returns the spread of one or more rounds.
    pub(crate) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let (middle, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let is_odd = sorted.len() % 2 == 1;
        let median = if is_odd { at(middle) } else { f64::midpoint(at(last / 2), at(middle)) };
        Self { median, min: at(0), max: at(last), rounds }
    }

    /// Returns the spread of ratios. Each ratio is of one round.
    pub(crate) fn of_ratios(numerators: &[f64], denominators: &[f64]) -> Self {
        let pairs = numerators.iter().zip(denominators);
        Self::of(pairs.map(|(numerator, denominator)| numerator / denominator).collect())
    }
}

/// Returns the median of some numbers.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    Spread::of(numbers.to_vec()).median
}

/// The latencies of requests.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn of(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self(latencies)
    }

    /// Returns the shortest time within which this percentage of the requests finished, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "values that are not computed are exact")]
    fn median_is_middle_value() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        let spread = Spread::of_ratios(&[2.0, 9.0], &[1.0, 3.0]);
        assert_eq!((spread.min, spread.median, spread.max), (2.0, 2.5, 3.0));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "values that are not computed are exact")]
    fn percentile_uses_nearest_rank() {
        let latencies = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile(50), 100.0);
        assert_eq!(latencies.percentile(99), 198.0);
        assert_eq!(Latencies::of(vec![Duration::from_millis(5)]).percentile(99), 5.0);
    }
}
