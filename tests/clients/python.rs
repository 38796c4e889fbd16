//! The Python client and its middleware for `FastAPI`.

use std::process::Command;

use e2e::root;

use crate::tools;

#[test]
fn python_client_passes_its_tests() {
    let mut command = Command::new(tools::python("python"));
    command.args(["-m", "pytest", "-q", "tests"]);
    // Plugins that write into the folder, or that belong to other tests.
    command.args(
        ["cacheprovider", "hypothesispytest", "schemathesis"].map(|name| format!("-pno:{name}")),
    );
    command.current_dir(root().join("clients/python")).env("PYTHONPATH", "src");
    let said = tools::run(tools::with_application(&mut command));
    assert!(said.contains(" passed") && !said.contains("skipped"), "{said}");
}

#[test]
fn python_client_passes_type_checker() {
    let folder = tools::folder("python");
    tools::copy(&root().join("clients/python"), &folder);
    let mut check = Command::new(tools::python("ruff"));
    tools::run(check.args(["check", "--no-cache"]).current_dir(&folder));
    let mut check = Command::new(tools::python("ruff"));
    tools::run(check.args(["format", "--no-cache", "--check"]).current_dir(&folder));
    let mut check = Command::new(tools::python("mypy"));
    check.args(["--strict", "src", "tests"]).current_dir(&folder);
    tools::run(check.env("MYPYPATH", "src"));
}
