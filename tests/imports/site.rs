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
        (
            "clients/python/src/tenancy_client/_transport.py",
            format!("USER_AGENT = \"tenancy-client-python/{version}\""),
        ),
    ];
    for (path, line) in lines {
        let has_line = read(path).lines().any(|own| own.trim() == line);
        assert!(has_line, "{path} has another version than Cargo.toml: {line}");
    }
    let typescript = read("clients/typescript/src/runtime.ts");
    assert!(typescript.contains(&format!("\"tenancy-client-typescript/{version}\"")));
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
    const BEFORE: [&str; 7] = [
        "/tenancy:",
        "/tenancy-service:",
        "/tenantctl:",
        "newTag: ",
        "releases/download/v",
        "/tenantctl-",
        "/tenancy-",
    ];
    let of = |before: &str| -> Vec<String> {
        let version = |rest: &str| -> String {
            let part = rest.split(|char: char| !char.is_ascii_digit() && char != '.').next();
            // A name such as tenancy-1.2.3.tar.gz continues with a dot.
            part.unwrap().trim_end_matches('.').to_owned()
        };
        text.split(before).skip(1).map(version).filter(|version| !version.is_empty()).collect()
    };
    BEFORE.into_iter().flat_map(of).collect()
}

#[test]
fn versions_are_found() {
    let text = "x/tenancy:0.1.0 x/tenancy-service:VERSION newTag: 0.2.0\n/tenantctl-1.2.3-x86_64 \
                /tenancy-1.2.4.tar.gz";
    assert_eq!(versions(text), ["0.1.0", "0.2.0", "1.2.3", "1.2.4"]);
}

/// Kubernetes runs the Spin with which a release is tested, and which is in the image of the service.
#[test]
fn spin_of_kubernetes_is_tested() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let script = read("scripts/spin.sh");
    let release = script.lines().find_map(|line| line.strip_prefix("SPIN_RELEASE=")).unwrap();
    let wanted = format!("ghcr.io/spinframework/spin:v{release}");
    let manifest = read("deploy/spinkube/tenancy.yaml");
    let image = manifest.lines().find_map(|line| line.trim().strip_prefix("spinImage: ")).unwrap();
    // A release has the digest behind the tag.
    assert_eq!(image.split('@').next(), Some(wanted.as_str()));
}
