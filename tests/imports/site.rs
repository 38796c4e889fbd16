//! The documentation site: `docs/SUMMARY.md` lists each page once. The versions of a release agree.

use std::{collections::BTreeMap, fs, path::PathBuf};

use e2e::root;

use crate::links::{documents, targets};

#[test]
fn summary_lists_each_page_once() {
    let docs = root().join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut listed = BTreeMap::<PathBuf, u32>::new();
    for target in summary.lines().flat_map(targets) {
        *listed.entry(docs.join(target)).or_default() += 1;
    }
    let repeated: Vec<_> = listed.iter().filter(|(_, count)| **count > 1).collect();
    assert!(repeated.is_empty(), "pages are listed more than once: {repeated:?}");
    let mut pages = Vec::new();
    documents(&docs, &mut pages);
    let is_missing = |page: &&PathBuf| !page.ends_with("SUMMARY.md") && !listed.contains_key(*page);
    let missing: Vec<_> = pages.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "docs/SUMMARY.md does not list {missing:?}");
    assert!(listed.len() > 40, "{} pages", listed.len());
}

#[test]
fn versions_of_release_agree() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let lines = [
        ("spin.toml", format!("version = \"{version}\"")),
        ("tools/runner/Cargo.toml", format!("version = \"{version}\"")),
        ("clients/python/pyproject.toml", format!("version = \"{version}\"")),
        ("clients/typescript/package.json", format!("\"version\": \"{version}\",")),
        ("docs/openapi.json", format!("\"version\": \"{version}\"")),
    ];
    for (path, line) in lines {
        let has_line = read(path).lines().any(|own| own.trim() == line);
        assert!(has_line, "{path} has another version than Cargo.toml: {line}");
    }
}
