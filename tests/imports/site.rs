//! The documentation site: `docs/SUMMARY.md` lists each page once. The versions of a release agree.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use e2e::{documents, root};

use crate::links::targets;

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
    let mut files = vec![root().join("README.md"), root().join("docs/deploy.md")];
    files_in(&root().join("deploy"), &mut files);
    let named: Vec<_> = files
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let found: Vec<_> = versions(&text).into_iter().map(|found| (path, found)).collect();
            found
        })
        .collect();
    assert!(named.len() > 20, "{named:?}");
    let others: Vec<_> = named.iter().filter(|(_, found)| found != version).collect();
    assert!(others.is_empty(), "commands and manifests with another version: {others:?}");
}

fn files_in(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_in(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Returns the versions of this project's images, files and releases that a text names.
fn versions(text: &str) -> Vec<String> {
    const BEFORE: [&str; 6] = [
        "/tenancy:",
        "/tenancy-service:",
        "/tenantctl:",
        "newTag: ",
        "releases/download/v",
        "/tenantctl-",
    ];
    let of = |before: &str| -> Vec<String> {
        let version = |rest: &str| -> String {
            rest.chars().take_while(|char| char.is_ascii_digit() || *char == '.').collect()
        };
        text.split(before).skip(1).map(version).filter(|version| !version.is_empty()).collect()
    };
    BEFORE.into_iter().flat_map(of).collect()
}

#[test]
fn versions_are_found() {
    let text = "x/tenancy:0.1.0 x/tenancy-service:VERSION newTag: 0.2.0\n/tenantctl-1.2.3-x86_64";
    assert_eq!(versions(text), ["0.1.0", "0.2.0", "1.2.3"]);
}
