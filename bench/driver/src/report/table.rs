//! The results as a text table.

use super::Row;
use crate::statistics::Spread;

const HEAD: [&str; 6] = ["path", "figure", "measure", "of", "target", "met"];

pub(super) fn table(rows: &[Row]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| {
        [
            row.path.clone(),
            row.figure.clone(),
            row.measured.as_ref().map(measure).unwrap_or_default(),
            row.of.clone(),
            row.target.map(super::Target::words).unwrap_or_default(),
            row.is_met.map_or("", |is_met| if is_met { "yes" } else { "no" }).to_owned(),
        ]
    }));
    let width = |column: usize| {
        lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default()
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |line: &[String; 6]| {
        let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Formats a spread as `median [min..max]`.
pub(super) fn measure(spread: &Spread) -> String {
    let Spread { median, min, max, rounds } = spread;
    if rounds.len() < 2 {
        format!("{median:.2}")
    } else {
        format!("{median:.2} [{min:.2}..{max:.2}]")
    }
}
