//! The tools that `./dev test` installs, in the versions of `tests/contract`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use e2e::{World, root, unique};

/// Returns the folder of a tool from the variable that `./dev test` sets.
fn folder_of(variable: &str) -> PathBuf {
    let tool =
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is set by ./dev test"));
    Path::new(&tool).parent().unwrap().to_owned()
}

/// Returns the path of a Python program.
pub fn python(program: &str) -> PathBuf {
    folder_of("SCHEMATHESIS").join(program)
}

/// Returns the path of a program for Node.js.
pub fn node(program: &str) -> PathBuf {
    folder_of("REDOCLY").join(program)
}

/// Returns a new folder that is deleted after the run.
pub fn folder(name: &str) -> PathBuf {
    let folder = World::get().services.folder().join(unique(name));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Adds the address and the credentials of the application, for tests in other languages.
pub fn with_application(command: &mut Command) -> &mut Command {
    let world = World::get();
    command
        .env("TENANCY_URL", format!("http://{}", world.address()))
        .env("ADMIN_API_KEY", world.admin_key())
        .env("JWT_SECRET_KEY", &world.settings()["JWT_SECRET_KEY"])
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

/// Runs a command to its end, asserts its success, and returns its output.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{command:?}:\n{said}");
    said
}

/// Copies the files of a folder and its subfolders.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        // A developer's own packages and caches.
        let is_skipped = ["node_modules", "dist", "__pycache__", ".venv"]
            .iter()
            .any(|name| path.ends_with(name));
        if path.is_dir() && !is_skipped {
            copy(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Returns the blocks of a language in a document.
pub fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(document)).unwrap();
    let starts = text.split("```").skip(1).step_by(2);
    let found = starts.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    found.map(str::to_owned).collect()
}
