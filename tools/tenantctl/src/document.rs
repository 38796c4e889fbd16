//! Documents that are written in pieces: to standard output, or to a new file.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write as _, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use tenancy::body::BodyReader;

use crate::{exit::Exit, output};

/// Writes a document to a new file and prints its name and its number of bytes, or writes it to standard output.
///
/// # Errors
/// The error of the document or of the output. A file without its last piece keeps the name `NAME.partial`.
pub async fn write(mut document: impl BodyReader, mut file: Option<NewFile<'_>>) -> Result<()> {
    let mut bytes = 0;
    while let Some(piece) = document.read().await? {
        bytes += piece.len();
        let written = match &mut file {
            Some(file) => file.write(&piece),
            None => stdout().write_all(&piece),
        };
        match written {
            // The reader has seen enough (`| head`).
            Err(error) if error.kind() == ErrorKind::BrokenPipe && file.is_none() => {
                return Ok(());
            }
            written => written.context("the output")?,
        }
    }
    match file {
        Some(file) => {
            let path = file.finish().context("the output")?;
            output::object(&serde_json::json!({ "file": path, "bytes": bytes }))
        }
        None => stdout().flush().context("the output"),
    }
}

/// A file that gets its name when it is complete. After an interruption, only `NAME.partial` exists, which the next
/// attempt replaces.
pub struct NewFile<'a> {
    path: &'a Path,
    partial: PathBuf,
    file: File,
}

impl<'a> NewFile<'a> {
    /// Creates the file that the options name, if they name one.
    ///
    /// # Errors
    /// [`Exit::Usage`] if the file exists or cannot be created.
    pub fn create_if_named(path: Option<&'a Path>) -> Result<Option<Self>> {
        path.map(Self::create).transpose()
    }

    fn create(path: &'a Path) -> Result<Self> {
        let refuse = |error: &dyn std::fmt::Display| {
            Exit::Usage.error(format!("{}: {error}", path.display()))
        };
        if path.symlink_metadata().is_ok() {
            return Err(refuse(&"the file exists"));
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(refuse(&error)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&partial).map_err(|error| refuse(&error))?;
        Ok(Self { path, partial, file })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Gives the file its name, and returns it.
    fn finish(self) -> std::io::Result<&'a Path> {
        self.file.sync_all()?;
        // Unlike a renaming, this does not replace a file that was created meanwhile.
        fs::hard_link(&self.partial, self.path)?;
        fs::remove_file(&self.partial)?;
        Ok(self.path)
    }
}
