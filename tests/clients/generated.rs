//! The generated files of the clients.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use e2e::root;

use crate::tools;

const GENERATED: [&str; 2] = ["python/src/tenancy_client/_generated", "typescript/src/generated"];

fn generate(folder: &Path) {
    let mut command = Command::new(tools::python("python"));
    command.args(["-m", "generator"]).arg(root().join("docs/openapi.json")).arg(folder);
    command.arg(tools::python("ruff")).arg(tools::node("openapi-typescript"));
    command.env("PYTHONPATH", root().join("clients")).env("PYTHONDONTWRITEBYTECODE", "1");
    tools::run(command.current_dir(folder));
}

fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let sources =
        entries.filter(|path| path.extension().is_some_and(|name| name == "py" || name == "ts"));
    sources
        .map(|path| (path.file_name().unwrap().into(), std::fs::read_to_string(&path).unwrap()))
        .collect()
}

#[test]
fn generated_clients_match_openapi_document() {
    if std::env::var_os("UPDATE_CLIENTS").is_some() {
        generate(&root().join("clients"));
        return;
    }
    let folder = tools::folder("generated");
    generate(&folder);
    for name in GENERATED {
        let (fresh, committed) =
            (files(&folder.join(name)), files(&root().join("clients").join(name)));
        let names: Vec<_> = fresh.keys().collect();
        assert!(names.len() >= 3, "{names:?}");
        assert_eq!(names, committed.keys().collect::<Vec<_>>());
        let changed: Vec<_> =
            fresh.iter().filter(|(path, text)| committed[*path] != **text).collect();
        let changed: Vec<_> = changed.iter().map(|(path, _)| path).collect();
        let remedy = "Update them: UPDATE_CLIENTS=1 ./dev test clients";
        assert!(changed.is_empty(), "{name}: {changed:?} are outdated. {remedy}");
    }
}
