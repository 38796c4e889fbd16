//! The Markdown documents of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Adds the Markdown documents of a folder and of the folders in it.
pub fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            // Output of builds and tools.
            let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
            if is_ours && !path.is_symlink() {
                documents(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}
