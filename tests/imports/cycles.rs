//! Circles in a graph of imports.

use std::collections::BTreeSet;

use crate::Imports;

/// Returns the groups of modules that import each other in a circle.
pub fn find(imports: &Imports) -> Vec<Vec<String>> {
    let reached: Vec<(&String, BTreeSet<&String>)> =
        imports.keys().map(|module| (module, reachable(imports, module))).collect();
    let reaches = |from: &String, to: &String| {
        reached.iter().any(|(module, others)| *module == from && others.contains(to))
    };
    let mut groups: Vec<Vec<String>> = Vec::new();
    for (module, others) in &reached {
        if !others.contains(module) || groups.iter().any(|group| group.contains(module)) {
            continue;
        }
        let group = others.iter().filter(|other| reaches(other, module));
        groups.push(group.map(|other| (*other).clone()).collect());
    }
    groups
}

/// Returns the modules that can be reached from a module by one import or more.
fn reachable<'a>(imports: &'a Imports, module: &str) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&String> = imports.get(module).into_iter().flatten().collect();
    while let Some(module) = next.pop() {
        if found.insert(module) {
            next.extend(imports.get(module).into_iter().flatten());
        }
    }
    found
}

/// Lists the imports within each group.
pub fn describe(groups: &[Vec<String>], imports: &Imports) -> String {
    let mut lines = Vec::new();
    for group in groups {
        lines.push(format!("{} modules import each other in a circle:", group.len()));
        for module in group {
            let within = imports[module].iter().filter(|other| group.contains(other));
            lines.push(format!("  {module} -> {}", within.cloned().collect::<Vec<_>>().join(", ")));
        }
    }
    lines.join("\n")
}
