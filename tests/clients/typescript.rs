//! The TypeScript client and its middleware for Express.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use e2e::root;

use crate::tools::{self, blocks};

/// Returns a folder with the compiled client, its tests, and the examples of `docs/clients.md` as `dist-tests/blockN.js`.
pub fn compiled() -> &'static Path {
    static COMPILED: OnceLock<PathBuf> = OnceLock::new();
    COMPILED.get_or_init(compile)
}

fn compile() -> PathBuf {
    let folder = tools::folder("typescript");
    tools::copy(&root().join("clients/typescript"), &folder);
    let packages = tools::node("tsc").parent().unwrap().parent().unwrap().to_owned();
    symlink(packages, folder.join("node_modules")).unwrap();
    for (number, block) in blocks("docs/clients.md", "ts").iter().enumerate() {
        std::fs::write(folder.join(format!("tests/block{number}.ts")), block).unwrap();
    }
    tools::run(Command::new(tools::node("tsc")).current_dir(&folder));
    tools::run(Command::new(tools::node("tsc")).args(["-p", "tests"]).current_dir(&folder));
    folder
}

#[test]
fn typescript_client_passes_its_tests() {
    let folder = compiled();
    let mut command = Command::new("node");
    let files =
        std::fs::read_dir(folder.join("dist-tests")).unwrap().map(|entry| entry.unwrap().path());
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with(".test.js");
    command
        .args(["--test", "--test-concurrency=1"])
        .args(files.filter(is_test))
        .current_dir(folder);
    let said = tools::run(tools::with_application(&mut command));
    assert!(
        said.contains("# fail 0") && said.contains("# skipped 0") && !said.contains("# pass 0"),
        "{said}"
    );
}
