//! The results: a table, a JSON file and a plot.

mod plot;
mod record;
mod table;
mod versions;

use std::fs;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    stage::Stage,
    statistics::{Spread, median},
};
pub(crate) use versions::Versions;

/// The target of a measure.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// This value or more.
    AtLeast(f64),
    /// Less than this value.
    Under(f64),
}

impl Target {
    /// Returns the bound.
    fn bound(self) -> f64 {
        match self {
            Self::AtLeast(bound) | Self::Under(bound) => bound,
        }
    }

    fn is_met(self, measure: f64) -> bool {
        match self {
            Self::AtLeast(bound) => measure >= bound,
            Self::Under(bound) => measure < bound,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::Under(bound) => format!("under {bound}"),
        }
    }
}

/// A row of the table.
#[derive(Serialize)]
pub(crate) struct Row {
    path: String,
    figure: String,
    /// The rounds, if the figure is their median.
    figures: Vec<f64>,
    measured: Option<Spread>,
    /// The reference of a ratio, or the unit of the measure.
    of: String,
    target: Option<Target>,
    is_met: Option<bool>,
}

impl Row {
    /// Creates a row with only a figure.
    pub(crate) fn new(path: &str, figure: String) -> Self {
        let (path, of) = (path.to_owned(), String::new());
        Self { path, figure, figures: Vec::new(), measured: None, of, target: None, is_met: None }
    }

    /// Creates a row with the median of rounds in a unit.
    pub(crate) fn of_rounds(path: &str, rounds: &[f64], unit: &str) -> Self {
        let figure = format!("{:.0} {unit}", median(rounds));
        Self { figures: rounds.to_vec(), ..Self::new(path, figure) }
    }

    /// Adds a ratio to a reference, or a measure in a unit.
    pub(crate) fn measured(self, measured: Spread, of: &str) -> Self {
        Self { measured: Some(measured), of: of.to_owned(), ..self }
    }

    /// Adds a target for the median of the measure.
    pub(crate) fn target(self, target: Target) -> Self {
        let is_met = self.measured.as_ref().map(|measured| target.is_met(measured.median));
        Self { target: Some(target), is_met, ..self }
    }
}

/// The results of a run.
pub(crate) struct Report {
    rows: Vec<Row>,
    versions: Versions,
    date: DateTime<Utc>,
    /// The name of the measured part, or empty for the whole table.
    part: String,
}

impl Report {
    pub(crate) fn new(rows: Vec<Row>, stage: &Stage, part: String) -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "a separate program without a platform")]
        let date = std::time::SystemTime::now().into();
        Ok(Self { rows, versions: Versions::find(stage)?, date, part })
    }

    /// Returns the table as text.
    pub(crate) fn table(&self) -> String {
        table::table(&self.rows)
    }

    /// Writes the files. Returns their paths relative to the root of the repository.
    pub(crate) fn write(&self) -> Result<[String; 2]> {
        let date = self.date.format("%Y-%m-%d");
        let stem = format!("{}-{date}-{}", self.versions.host, self.part);
        let stem = stem.trim_end_matches('-');
        let paths = ["json", "svg"].map(|ending| format!("bench/results/{stem}.{ending}"));
        fs::create_dir_all(e2e::root().join("bench/results"))?;
        for (path, text) in paths.iter().zip([record::record(self)?, plot::plot(self)]) {
            fs::write(e2e::root().join(path), text)?;
        }
        Ok(paths)
    }

    /// Returns a one-line title.
    fn title(&self) -> String {
        let Versions { host, cores, .. } = &self.versions;
        format!("{host}, {cores} cores, {} {}", self.date.format("%Y-%m-%d"), self.part)
    }
}
