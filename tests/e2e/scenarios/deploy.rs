//! Compares the files in `deploy/` with `spin.toml`.

use std::collections::BTreeSet;

use e2e::root;

fn table(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns all variables of the application, and the required ones.
fn variables() -> (BTreeSet<String>, BTreeSet<String>) {
    let manifest = table("spin.toml");
    let variables = manifest["variables"].as_table().unwrap();
    let required = variables.iter().filter(|(_, variable)| variable.get("required").is_some());
    (variables.keys().cloned().collect(), required.map(|(name, _)| name.clone()).collect())
}

#[track_caller]
fn fits(path: &str, given: &BTreeSet<String>) {
    let (all, required) = variables();
    let missing: Vec<_> = required.difference(given).collect();
    assert!(missing.is_empty(), "{path} lacks variables without a default: {missing:?}");
    let unknown: Vec<_> = given.difference(&all).collect();
    assert!(unknown.is_empty(), "{path} has variables that spin.toml does not have: {unknown:?}");
}

#[test]
fn spinkube_variables_match_manifest() {
    let path = "deploy/spinkube/tenancy.yaml";
    let manifest = std::fs::read_to_string(root().join(path)).unwrap();
    let (_, variables) = manifest.split_once("\n  variables:\n").unwrap();
    let names = variables.lines().filter_map(|line| line.strip_prefix("    - name: "));
    fits(path, &names.map(str::to_owned).collect());
}

#[test]
fn akamai_variables_match_manifest() {
    let path = "deploy/akamai/variables.example.toml";
    fits(path, &table(path).keys().cloned().collect());
}

#[test]
fn runtime_configurations_define_component_stores() {
    let manifest = table("spin.toml");
    let components = manifest["component"].as_table().unwrap().values();
    let labels = components.filter_map(|component| component.get("key_value_stores"));
    let labels: BTreeSet<&str> = labels
        .flat_map(|labels| labels.as_array().unwrap())
        .map(|label| label.as_str().unwrap())
        .collect();
    for path in ["runtime-config.toml", "deploy/spinkube/runtime-config.toml"] {
        let configuration = table(path);
        let stores =
            configuration["key_value_store"].as_table().unwrap().keys().map(String::as_str);
        assert_eq!(stores.collect::<BTreeSet<_>>(), labels, "{path}");
    }
}
