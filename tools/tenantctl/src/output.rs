//! The output of the command line: tables for people, and JSON for programs.

use std::{
    io::{IsTerminal as _, Write as _},
    sync::OnceLock,
};

use serde::Serialize;
use serde_json::Value;

/// The format of the results and of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Tables and sentences for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

static FORMAT: OnceLock<Format> = OnceLock::new();

/// Sets the format for the rest of the process. Only the first call has an effect.
pub fn set_format(format: Format) {
    let _ = FORMAT.set(format);
}

/// Returns whether results are JSON.
pub fn is_json() -> bool {
    FORMAT.get() == Some(&Format::Json)
}

/// Prints a line of the result. A closed output (`| head`) does not stop the work.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints a line for people to standard error, which is not part of the result.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "tenantctl: {text}");
}

/// Prints a line of JSON to standard error: the problem document of a failed command.
pub fn error_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Prints the failure of one item to standard error, on one line. The command continues with the other items.
pub fn failure(error: &anyhow::Error) {
    note(&format!("{error:#}"));
}

/// Prints one JSON document.
pub fn document(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string(value)?);
    Ok(())
}

/// A column of a table: its title, and the member of the items that it shows. A dot separates nested members.
pub type Column = (&'static str, &'static str);

/// A list in JSON.
#[derive(Serialize)]
struct Page<'a, T> {
    items: &'a [T],
    total: i64,
}

/// Prints a list: one document with `items` and `total`, or a table. `total` counts the items that the filter selects.
pub fn list<T: Serialize>(items: &[T], total: i64, columns: &[Column]) -> anyhow::Result<()> {
    if is_json() {
        return document(&Page { items, total });
    }
    let rows: Vec<_> = items.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    table(&rows, columns);
    let shown = i64::try_from(items.len()).unwrap_or(i64::MAX);
    if shown < total {
        note(&format!("{shown} of {total} are shown. Use --limit and --offset for the others"));
    }
    Ok(())
}

/// Prints one object: a document, or a line for each member.
pub fn object(value: &impl Serialize) -> anyhow::Result<()> {
    if is_json() {
        return document(value);
    }
    let mut lines = Vec::new();
    flatten("", &serde_json::to_value(value)?, &mut lines);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, text) in lines {
        line(format!("{name:width$}  {text}").trim_end());
    }
    Ok(())
}

/// Returns the members of a value, and of the objects in it. A dot separates nested members.
fn flatten(path: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value.as_object() {
        Some(members) if !members.is_empty() => {
            for (name, value) in members {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&format!("{path}{dot}{name}"), value, lines);
            }
        }
        _ => lines.push((printable(path), cell(value))),
    }
}

fn table(items: &[Value], columns: &[Column]) {
    let rows: Vec<Vec<String>> = items
        .iter()
        .map(|item| {
            let pointer = |path: &str| format!("/{}", path.replace('.', "/"));
            let text = |path| cell(item.pointer(&pointer(path)).unwrap_or(&Value::Null));
            columns.iter().map(|(_, path)| text(path)).collect()
        })
        .collect();
    let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let all = std::iter::once(&titles).chain(&rows);
    let mut widths = vec![0; columns.len()];
    for row in all.clone() {
        for (width, text) in widths.iter_mut().zip(row) {
            *width = (*width).max(text.chars().count());
        }
    }
    for row in all {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        line(cells.join("  ").trim_end());
    }
}

/// Returns a value on one line. Names that people chose cannot control the terminal.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let texts: Vec<_> = values.iter().filter_map(Value::as_str).collect();
            if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
        }
        other => other.to_string(),
    };
    printable(&text)
}

/// Returns a text without characters that control a terminal or change the direction of text.
pub fn printable(text: &str) -> String {
    let is_safe = |char: char| {
        !char.is_control()
            && !matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|char| if is_safe(char) { char } else { ' ' }).collect()
}

/// Returns whether a person can answer questions.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_have_one_safe_line() {
        for (value, expected) in [
            (json!(null), "-"),
            (json!("a\u{1b}[2J\nb\u{202e}c"), "a [2J b c"),
            (json!(["a", "b"]), "a, b"),
            (json!([]), "-"),
            (json!({ "a": 1 }), r#"{"a":1}"#),
            (json!(12), "12"),
        ] {
            assert_eq!(cell(&value), expected);
        }
    }
}
