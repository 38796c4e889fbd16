//! The links of all documents lead to files and headings that exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use e2e::{documents, root};

/// Returns the lines outside of blocks of code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Removes code from a line.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// Returns the targets of the links in a line: `[text](target)`.
pub(crate) fn targets(line: &str) -> Vec<String> {
    let line = without_code(line);
    let links = line.split("](").skip(1);
    links.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).collect()
}

/// Returns the anchors of the headings of a document, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut counts = BTreeMap::<String, u32>::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = counts.entry(anchor.clone()).or_default();
        *count += 1;
        if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
    });
    anchors.collect()
}

/// Resolves `.` and `..` of a path, and returns `None` if it leaves the root.
fn resolved(path: &Path) -> Option<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                resolved.pop().then_some(())?;
            }
            part => resolved.push(part),
        }
    }
    resolved.starts_with(root()).then_some(resolved)
}

/// Returns the problem of a link in a document, or `None` if its target exists.
fn problem(document: &Path, target: &str) -> Option<String> {
    let target = target.split(' ').next().unwrap_or_default();
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return None;
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        document.to_owned()
    } else {
        let Some(file) = resolved(&document.parent()?.join(path)) else {
            return Some(format!("{target} is outside of the repository"));
        };
        file
    };
    if !file.exists() {
        return Some(format!("{target} does not exist"));
    }
    let is_document = file.extension().is_some_and(|extension| extension == "md");
    let has_anchor = anchor.is_empty()
        || !is_document
        || anchors(&fs::read_to_string(&file).unwrap()).contains(anchor);
    (!has_anchor).then(|| format!("{target} has no such heading"))
}

#[test]
fn links_of_documents_lead_somewhere() {
    let mut found = Vec::new();
    documents(&root(), &mut found);
    let (mut problems, mut count) = (Vec::new(), 0);
    for document in &found {
        let text = fs::read_to_string(document).unwrap();
        for target in prose(&text).flat_map(targets) {
            count += 1;
            let problem = problem(document, &target);
            problems.extend(problem.map(|problem| format!("{}: {problem}", document.display())));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(found.len() > 30 && count > 150, "{} documents, {count} links", found.len());
}

/// Returns the numbers of the lines that begin a block of code without its language.
fn plain_blocks(text: &str) -> Vec<usize> {
    let mut is_code = false;
    let fences = text.lines().enumerate().filter_map(|(index, line)| {
        let language = line.trim_start().strip_prefix("```")?;
        is_code = !is_code;
        (is_code && language.is_empty()).then_some(index + 1)
    });
    fences.collect()
}

/// The test of the commands in documents finds them by the language of their block.
#[test]
fn blocks_of_code_name_their_language() {
    assert_eq!(plain_blocks("```sh\nls\n```\n\n1. A\n   ```\n   ls\n   ```\n"), [6]);
    let mut found = Vec::new();
    documents(&root(), &mut found);
    let mut problems = Vec::new();
    for document in &found {
        let lines = plain_blocks(&fs::read_to_string(document).unwrap()).into_iter();
        problems.extend(lines.map(|line| format!("{}:{line}", document.display())));
    }
    assert!(problems.is_empty(), "no language:\n{}", problems.join("\n"));
    assert!(found.len() > 30, "{} documents", found.len());
}

#[test]
fn wrong_links_are_found() {
    let document = root().join("docs/deploy.md");
    let problem = |target| problem(&document, target);
    assert_eq!(problem("settings.md"), None);
    assert_eq!(problem("../README.md#run-it-with-spin"), None);
    assert_eq!(problem("#containers"), None);
    assert_eq!(problem("https://example.com/missing.md#x"), None);
    assert_eq!(problem("missing.md").unwrap(), "missing.md does not exist");
    assert_eq!(problem("#missing").unwrap(), "#missing has no such heading");
    assert_eq!(problem("../../x.md").unwrap(), "../../x.md is outside of the repository");
    let line = "`[no](a.md)` [one](b.md#c), [two](https://d.example)";
    assert_eq!(targets(line), ["b.md#c", "https://d.example"]);
    let text = "# One `two`: three\n```\n# Code\n```\n## Same\n## Same\n";
    assert_eq!(anchors(text).into_iter().collect::<Vec<_>>(), ["one-two-three", "same", "same-1"]);
}
