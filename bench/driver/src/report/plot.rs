//! A plot: a bar for each measure with a target, and the target as a mark.
//!
//! Each bar is drawn as a share of its target, so that all bars share one mark.

use super::{Report, Row, Target, table};

const WIDTH: f64 = 980.0;
const LINE: f64 = 30.0;
const BAR: f64 = 16.0;
/// The left edge of bars, and the length of a bar that equals its target.
const LEFT: f64 = 210.0;
const TARGET: f64 = 240.0;
/// The maximum length of a bar, as a multiple of the target. Longer bars are cut off.
const LONGEST: f64 = 1.5;
const TOP: f64 = 56.0;

const STYLE: &str = "text { font: 13px system-ui, sans-serif; fill: #1f2328 } \
     .title { font-size: 16px; font-weight: 600 } .head { font-weight: 600 } .note { fill: #59636e } \
     .met { fill: #2f81b7 } .missed { fill: #d1702b } .mark { stroke: #1f2328; stroke-width: 2 } \
     .spread { stroke: #1f2328; stroke-width: 1 }";

pub(super) fn plot(report: &Report) -> String {
    let panels = [
        ("must reach the mark", rows(report, |target| matches!(target, Target::AtLeast(_)))),
        ("must stay below the mark", rows(report, |target| matches!(target, Target::Under(_)))),
    ];
    let mut body = String::new();
    let mut y = TOP;
    for (name, rows) in panels.iter().filter(|(_, rows)| !rows.is_empty()) {
        y += LINE;
        body += &text("head", 16.0, y, name);
        let top = y;
        for row in rows {
            y += LINE;
            body += &bar(row, y);
        }
        let x = LEFT + TARGET;
        body += &line("mark", (x, top + 6.0), (x, y + 8.0));
        y += LINE / 2.0;
    }
    let height = y + LINE;
    let title = text("title", 16.0, 30.0, &format!("Shares of the target: {}", report.title()));
    let note = "blue: met; orange: not met; thin line: range of rounds; bars at the right edge are cut off";
    let note = text("note", 16.0, 50.0, note);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{title}{note}{body}</svg>\n"
    )
}

fn rows(report: &Report, is_of: impl Fn(Target) -> bool) -> Vec<&Row> {
    report.rows.iter().filter(|row| row.target.is_some_and(&is_of)).collect()
}

fn bar(row: &Row, y: f64) -> String {
    let (Some(measured), Some(target)) = (&row.measured, row.target) else {
        return String::new();
    };
    let length = |measure: f64| (measure / target.bound()).clamp(0.0, LONGEST) * TARGET;
    let class = if row.is_met == Some(true) { "met" } else { "missed" };
    let (top, middle) = (y - BAR / 2.0 - 4.0, y - 4.0);
    let label = format!("{} {} ({})", table::measure(measured), of(row), target.words());
    let (width, right) = (length(measured.median), LEFT + LONGEST * TARGET + 12.0);
    let name = text("", 16.0, y, &row.path);
    let filled = format!(
        "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\"/>\n"
    );
    let at = |measure: f64| (LEFT + length(measure), middle);
    let has_rounds = measured.rounds.len() > 1;
    let spread = has_rounds.then(|| line("spread", at(measured.min), at(measured.max)));
    [name, filled, spread.unwrap_or_default(), text("note", right, y, &label)].concat()
}

/// Returns the unit of a measure, or its reference.
fn of(row: &Row) -> String {
    match row.of.as_str() {
        unit @ ("per second" | "KiB per tenant") => unit.to_owned(),
        other => format!("of {}", other.trim_start_matches("floor: ")),
    }
}

fn text(class: &str, x: f64, y: f64, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text class=\"{class}\" x=\"{x}\" y=\"{y:.1}\">{text}</text>\n")
}

fn line(class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> String {
    format!(
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n"
    )
}
