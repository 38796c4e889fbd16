//! Generates the variables of `spin.toml` and the table of `docs/settings.md` from the declarations, and compares them
//! with the files. `UPDATE_SETTINGS=1` overwrites the files; review the diff.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use super::{Component, DECLARATIONS, Declaration, MANIFEST_DECLARATIONS};

/// The generated lines of a file below a line that exists once, up to the next blank line.
struct Block {
    start: String,
    lines: Vec<String>,
}

/// Returns `spin.toml`, which `UPDATE_SETTINGS=1` has updated.
pub(super) fn manifest() -> &'static str {
    static MANIFEST: LazyLock<String> = LazyLock::new(|| updated("spin.toml", &variables()));
    &MANIFEST
}

fn all() -> impl Iterator<Item = &'static Declaration> {
    DECLARATIONS.iter().chain(MANIFEST_DECLARATIONS)
}

/// Returns the variables of the application and of each component.
fn variables() -> Vec<Block> {
    let variable = |setting: &Declaration| {
        let value = match setting.default {
            Some(default) => format!("default = {default:?}"),
            None => "required = true".to_owned(),
        };
        let secret = if setting.is_secret { ", secret = true" } else { "" };
        let description = in_manifest(setting.description);
        let name = setting.name.to_ascii_lowercase();
        format!("{name} = {{ {value}{secret}, description = {description:?} }}")
    };
    let of_component = |component: &Component| {
        let given = DECLARATIONS.iter().filter(|setting| setting.is_given_to(*component));
        let names = given.map(|setting| setting.name.to_ascii_lowercase());
        Block {
            start: format!("[component.{}.variables]", format!("{component:?}").to_lowercase()),
            lines: names.map(|name| format!("{name} = \"{{{{ {name} }}}}\"")).collect(),
        }
    };
    let application =
        Block { start: "[variables]".to_owned(), lines: all().map(variable).collect() };
    [application].into_iter().chain(Component::ALL.iter().map(of_component)).collect()
}

/// Returns a description for `spin.toml`, where links lead nowhere: the text of a link in the first sentence, and no other
/// sentence with a link.
fn in_manifest(description: &str) -> String {
    let has_link = |sentence: &&str| sentence.contains("](");
    let mut sentences = description.trim().split_inclusive(". ");
    let mut text = sentences.next().unwrap_or_default().to_owned();
    text.extend(sentences.filter(|sentence| !has_link(sentence)));
    while let Some((before, (link, after))) = text.split_once("](").and_then(|(before, rest)| {
        let (before, link) = before.rsplit_once('[')?;
        Some((before, (link, rest.split_once(')')?.1)))
    }) {
        text = format!("{before}{link}{after}");
    }
    text.trim_end().to_owned()
}

/// Returns the table of the settings for operators.
fn table() -> Block {
    let default = |setting: &Declaration| match (setting.default, setting.bounds) {
        (None, _) => "required".to_owned(),
        (Some(""), _) => "none".to_owned(),
        (Some(text), None) => format!("`{text}`"),
        (Some(number), Some((minimum, maximum))) => {
            format!("{number} ({} to {})", grouped(minimum), grouped(maximum))
        }
    };
    let row = |setting: &Declaration| {
        format!("| `{}` | {} | {} |", setting.name, setting.description.trim(), default(setting))
    };
    Block {
        start: "| Setting | Purpose | Default |".to_owned(),
        lines: ["|---|---|---|".to_owned()].into_iter().chain(all().map(row)).collect(),
    }
}

/// Formats a number with a comma between thousands.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Splits a text into the part up to the start of a block, the lines of the block, and the rest.
fn split<'a>(text: &'a str, start: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let start = format!("\n{start}\n");
    let begin = text.find(&start)? + start.len();
    let end = text[begin..].find("\n\n").map_or(text.len(), |length| begin + length + 1);
    Some((&text[..begin], &text[begin..end], &text[end..]))
}

/// Returns the text of a file, after an update if `UPDATE_SETTINGS` is set.
fn updated(name: &str, blocks: &[Block]) -> String {
    let mut text = fs::read_to_string(path(name)).unwrap();
    if std::env::var_os("UPDATE_SETTINGS").is_some() {
        for Block { start, lines } in blocks {
            let (before, _, after) = split(&text, start).unwrap_or_else(|| panic!("{start}"));
            text = format!("{before}{}\n{after}", lines.join("\n"));
        }
        fs::write(path(name), &text).unwrap();
    }
    text
}

/// Fails if a block has other lines, and names them.
fn check(name: &str, text: &str, blocks: &[Block]) {
    let mut problems = Vec::new();
    for Block { start, lines } in blocks {
        let found = split(text, start).map(|(_, found, _)| found.lines().collect::<Vec<_>>());
        let found = found.unwrap_or_else(|| panic!("{name} has no line {start}"));
        if found == *lines {
            continue;
        }
        problems.push(format!("{name}, below {start}"));
        let wanted: BTreeSet<_> = lines.iter().map(String::as_str).collect();
        let present: BTreeSet<_> = found.into_iter().collect();
        for line in wanted.difference(&present) {
            problems.push(format!("  is missing:    {line}"));
        }
        for line in present.difference(&wanted) {
            problems.push(format!("  is unexpected: {line}"));
        }
        if wanted == present {
            problems.push("  has another order".to_owned());
        }
    }
    assert!(
        problems.is_empty(),
        "{}\nrun UPDATE_SETTINGS=1 cargo test --profile tools -p tenancy --lib settings",
        problems.join("\n")
    );
}

#[test]
fn links_are_not_in_manifest() {
    let description =
        " Seals `a`, see [B](b.md#c). 32 bytes. [Rotation](d.md), or [more](e.md). The end.";
    assert_eq!(in_manifest(description), "Seals `a`, see B. 32 bytes. The end.");
    assert_eq!(in_manifest(" One sentence."), "One sentence.");
}

#[test]
fn manifest_variables_match_declarations() {
    check("spin.toml", manifest(), &variables());
}

#[test]
fn settings_page_matches_declarations() {
    let name = "docs/settings.md";
    let blocks = [table()];
    check(name, &updated(name, &blocks), &blocks);
}

#[test]
fn declarations_are_complete() {
    for setting in DECLARATIONS {
        let name = setting.name;
        assert!(!setting.components.is_empty(), "{name}: add .given_to(...)");
        assert!(!setting.description.contains('|'), "{name}: the description breaks the table");
        if let (Some((minimum, maximum)), Some(default)) = (setting.bounds, setting.default) {
            let default: u32 = default.parse().unwrap();
            assert!((minimum..=maximum).contains(&default), "{name}: {default} is out of bounds");
        }
        let is_withheld = setting.components.len() < Component::WITH_ROUTES.len();
        if is_withheld && setting.is_required() && !setting.is_secret {
            assert!(setting.stand_in.is_some(), "{name}: add .elsewhere(...)");
        }
    }
}
